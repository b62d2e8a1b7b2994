"""The newsletter: its issues, how far each has come, and what a sign-up says of it.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN = sa.text("next_at IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "issue",
        sa.Column("id", _ID, nullable=False),
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("run", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("scheduled_at", sa.BigInteger(), nullable=False),
        sa.Column("opens_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_issue")),
        sa.UniqueConstraint("key", name=op.f("uq_issue_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("issue_archive", "issue", ["opens_at", "id"], unique=False)
    op.create_table(
        "broadcast_lane",
        sa.Column("id", _ID, nullable=False),
        sa.Column("issue_id", _ID, nullable=False),
        sa.Column("zones", sa.Text(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("zone", sa.SmallInteger(), nullable=False),
        sa.Column("cursor", _ID, nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["issue_id"], ["issue.id"], name=op.f("fk_broadcast_lane_issue_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_broadcast_lane")),
    )
    op.create_index(
        "broadcast_lane_open",
        "broadcast_lane",
        ["due_at", "id"],
        unique=False,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index("ix_broadcast_lane_issue", "broadcast_lane", ["issue_id"], unique=False)
    op.create_index("subscriber_zone", "subscriber", ["timezone", "id"], unique=False)
    op.add_column("consent", sa.Column("newsletter", sa.SmallInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("consent", "newsletter")
    op.drop_index("subscriber_zone", table_name="subscriber")
    op.drop_table("broadcast_lane")
    op.drop_table("issue")
