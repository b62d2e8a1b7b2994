"""People choose their hour, their days, their pace and their pauses; lessons can be ticked.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("send_at", sa.SmallInteger(), nullable=True))
    op.add_column("subscriber", sa.Column("days", sa.SmallInteger(), nullable=True))
    op.add_column("enrolment", sa.Column("pace", sa.SmallInteger(), nullable=True))
    op.add_column("enrolment", sa.Column("paused_until", sa.BigInteger(), nullable=True))
    op.add_column("enrolment", sa.Column("held_due_at", sa.BigInteger(), nullable=True))
    op.add_column("course", sa.Column("paused_at", sa.BigInteger(), nullable=True))
    op.create_table(
        "done",
        sa.Column("enrolment_id", _ID, nullable=False),
        sa.Column("lesson_id", _ID, nullable=False),
        sa.Column("run", sa.SmallInteger(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["enrolment_id"], ["enrolment.id"], name=op.f("fk_done_enrolment_id")),
        sa.ForeignKeyConstraint(["lesson_id"], ["lesson.id"], name=op.f("fk_done_lesson_id")),
        sa.PrimaryKeyConstraint("enrolment_id", "lesson_id", "run", name=op.f("pk_done")),
    )
    op.create_table(
        "pause",
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pause")),
    )


def downgrade() -> None:
    op.drop_table("pause")
    op.drop_table("done")
    op.drop_column("course", "paused_at")
    op.drop_column("enrolment", "held_due_at")
    op.drop_column("enrolment", "paused_until")
    op.drop_column("enrolment", "pace")
    op.drop_column("subscriber", "days")
    op.drop_column("subscriber", "send_at")
