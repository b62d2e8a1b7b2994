"""Limits of relays hold over all workers.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rate_bucket",
        sa.Column("name", sa.String(length=600), nullable=False),
        sa.Column("tat", sa.BigInteger(), nullable=False),
        sa.Column("queued", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_rate_bucket")),
    )
    op.create_table(
        "rest",
        sa.Column("relay", sa.String(length=255), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("relay", "domain", name=op.f("pk_rest")),
    )
    op.add_column("relay_use", sa.Column("issues", sa.Integer(), nullable=False, server_default="0"))
    waiting = sa.text("due_at IS NOT NULL")
    op.create_index(
        "delivery_lane", "delivery", ["kind", "due_at", "id"], sqlite_where=waiting, postgresql_where=waiting
    )


def downgrade() -> None:
    op.drop_index("delivery_lane", "delivery")
    op.drop_column("relay_use", "issues")
    op.drop_table("rest")
    op.drop_table("rate_bucket")
