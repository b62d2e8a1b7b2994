"""The counters of the sign-up door lie in one index, by shorter digests.

A flood adds several to each sign-up, and every one of them dirtied a page of the table and of two indexes.

Revision ID: 0016
Revises: 0015
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Two digests that begin alike, which is next to impossible, become one counter.
_SHORTENED = """
INSERT INTO door_use (subject, hour, asked, confirmed)
SELECT substr(subject, 1, 16), hour, sum(asked), sum(confirmed) FROM counted GROUP BY 1, 2"""
# What was counted by the longer digests stays under what is left of them, which nobody will ask for.
_AS_IT_IS = "INSERT INTO door_use (subject, hour, asked, confirmed) SELECT subject, hour, asked, confirmed FROM counted"


def upgrade() -> None:
    _copied(_SHORTENED, sqlite_with_rowid=False)


def downgrade() -> None:
    _copied(_AS_IT_IS)
    op.create_index("ix_door_use_hour", "door_use", ["hour"])


def _copied(statement: str, **how: bool) -> None:
    op.execute("CREATE TEMPORARY TABLE counted AS SELECT * FROM door_use")
    op.drop_table("door_use")
    op.create_table(
        "door_use",
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "hour", name=op.f("pk_door_use")),
        **how,
    )
    op.execute(statement)
    op.execute("DROP TABLE counted")
