"""Attempts that were none, and what relays were given.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("delivery", sa.Column("spared", sa.SmallInteger(), server_default="0", nullable=False))
    op.create_table(
        "relay_use",
        sa.Column("relay", sa.String(length=255), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("messages", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("relay", "hour", name=op.f("pk_relay_use")),
    )


def downgrade() -> None:
    op.drop_table("relay_use")
    op.drop_column("delivery", "spared")
