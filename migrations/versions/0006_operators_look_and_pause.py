"""Relays and shards can be paused, a course's pause has a reason, and what is uncertain is found by an index.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_UNCERTAIN = sa.text("state = 6")


def upgrade() -> None:
    with op.batch_alter_table("pause") as batch:
        batch.alter_column("name", type_=sa.String(length=300), existing_nullable=False)
    op.add_column("course", sa.Column("paused_because", sa.Text(), nullable=False, server_default=""))
    op.create_index("delivery_uncertain", "delivery", ["id"], sqlite_where=_UNCERTAIN, postgresql_where=_UNCERTAIN)


def downgrade() -> None:
    op.drop_index("delivery_uncertain", table_name="delivery")
    op.drop_column("course", "paused_because")
    op.execute("DELETE FROM pause WHERE name <> 'everything'")
    with op.batch_alter_table("pause") as batch:
        batch.alter_column("name", type_=sa.String(length=64), existing_nullable=False)
