"""How far the clock of a process's machine is ahead of the database's stands on the roster.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worker", sa.Column("clock_ahead", sa.Integer(), nullable=True))


def downgrade() -> None:
    op.drop_column("worker", "clock_ahead")
