"""A rate is one instant.

Until when messages are put off was never asked.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("rate_bucket", "queued")


def downgrade() -> None:
    op.add_column("rate_bucket", sa.Column("queued", sa.BigInteger(), nullable=False, server_default="0"))
