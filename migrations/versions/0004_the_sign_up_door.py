"""The sign-up door: what is known of a consent, who leaves and moves, caps, keys, events and hooks.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
        sa.UniqueConstraint("name", name=op.f("uq_api_key_name")),
    )
    op.create_table(
        "door_use",
        sa.Column("subject", sa.String(length=40), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("subject", "hour", name=op.f("pk_door_use")),
    )
    op.create_index("ix_door_use_hour", "door_use", ["hour"], unique=False)
    op.create_table(
        "hook",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("events", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("old_secret", sa.Text(), server_default="", nullable=False),
        sa.Column("old_until", sa.BigInteger(), nullable=True),
        sa.Column("insecure", sa.SmallInteger(), nullable=False),
        sa.Column("with_address", sa.SmallInteger(), nullable=False),
        sa.Column("disabled_at", sa.BigInteger(), nullable=True),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("failing_since", sa.BigInteger(), nullable=True),
        sa.Column("rests_until", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook")),
        sa.UniqueConstraint("name", name=op.f("uq_hook_name")),
    )
    op.create_table(
        "used",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_used")),
    )
    op.create_index("ix_used_until", "used", ["until"], unique=False)
    op.create_table(
        "address_change",
        sa.Column("id", _ID, nullable=False),
        sa.Column("subscriber_id", _ID, nullable=False),
        sa.Column("normalized", sa.String(length=320), nullable=False),
        sa.Column("wire", sa.String(length=320), nullable=False),
        sa.Column("needs_smtputf8", sa.SmallInteger(), nullable=False),
        sa.Column("former_normalized", sa.String(length=320), nullable=False),
        sa.Column("former_wire", sa.String(length=320), nullable=False),
        sa.Column("former_needs_smtputf8", sa.SmallInteger(), nullable=False),
        sa.Column("ip", sa.String(length=45), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=False),
        sa.Column("confirmed_at", sa.BigInteger(), nullable=True),
        sa.Column("taken_back_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_address_change_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_address_change")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "api_answer",
        sa.Column("api_key_id", _ID, autoincrement=False, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["api_key_id"], ["api_key.id"], name=op.f("fk_api_answer_api_key_id")),
        sa.PrimaryKeyConstraint("api_key_id", "key", name=op.f("pk_api_answer")),
    )
    op.create_index("ix_api_answer_answered_at", "api_answer", ["answered_at"], unique=False)
    op.create_table(
        "departure",
        sa.Column("id", _ID, nullable=False),
        sa.Column("subscriber_id", _ID, nullable=False),
        sa.Column("course_id", _ID, nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("left_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped", sa.Text(), server_default="[]", nullable=False),
        sa.Column("undone_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["course_id"], ["course.id"], name=op.f("fk_departure_course_id")),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_departure_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_departure")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_departure_subscriber", "departure", ["subscriber_id"], unique=False)
    op.create_table(
        "event",
        sa.Column("id", _ID, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("subscriber_id", _ID, nullable=True),
        sa.Column("payload", sa.Text(), nullable=False),
        sa.Column("happened_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["subscriber_id"], ["subscriber.id"], name=op.f("fk_event_subscriber_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
    )
    op.create_index("ix_event_subscriber", "event", ["subscriber_id"], unique=False)
    op.create_table(
        "hook_call",
        sa.Column("id", _ID, nullable=False),
        sa.Column("hook_id", _ID, nullable=False),
        sa.Column("event_id", _ID, nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["event_id"], ["event.id"], name=op.f("fk_hook_call_event_id")),
        sa.ForeignKeyConstraint(["hook_id"], ["hook.id"], name=op.f("fk_hook_call_hook_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hook_call")),
    )
    op.create_index(
        "hook_call_due",
        "hook_call",
        ["hook_id", "due_at", "id"],
        unique=False,
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.create_index(
        "hook_call_leased",
        "hook_call",
        ["lease_until"],
        unique=False,
        sqlite_where=sa.text("lease_until IS NOT NULL"),
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.create_index("ix_hook_call_hook", "hook_call", ["hook_id", "id"], unique=False)
    op.create_index("ix_hook_call_event", "hook_call", ["event_id"], unique=False)
    op.create_index("ix_address_change_subscriber", "address_change", ["subscriber_id"], unique=False)
    op.create_index("ix_address_change_normalized", "address_change", ["normalized"], unique=False)
    op.add_column("consent", sa.Column("disowned_at", sa.BigInteger(), nullable=True))
    op.add_column("consent", sa.Column("wording_version", sa.String(length=64), server_default="", nullable=False))
    op.add_column("consent", sa.Column("user_agent", sa.Text(), server_default="", nullable=False))
    op.add_column("consent", sa.Column("language", sa.String(length=35), server_default="", nullable=False))
    op.add_column("consent", sa.Column("shape", sa.String(length=64), server_default="", nullable=False))
    op.add_column("consent", sa.Column("utm", sa.Text(), server_default="{}", nullable=False))
    op.add_column("consent", sa.Column("attributes", sa.Text(), server_default="{}", nullable=False))
    op.add_column("consent", sa.Column("tags", sa.Text(), server_default="[]", nullable=False))
    op.add_column("subscriber", sa.Column("language", sa.String(length=35), server_default="", nullable=False))
    op.add_column("subscriber", sa.Column("attributes", sa.Text(), server_default="{}", nullable=False))
    op.add_column("subscriber", sa.Column("tags", sa.Text(), server_default="[]", nullable=False))
    op.add_column("consent", sa.Column("assent", sa.SmallInteger(), server_default="0", nullable=False))
    op.add_column("consent", sa.Column("considered_at", sa.BigInteger(), nullable=True))
    op.add_column("subscriber", sa.Column("asked_at", sa.BigInteger(), nullable=True))
    # What admins entered is known by what only they leave empty; the numbers are those of store/tables.py.
    op.execute("UPDATE consent SET assent = 2 WHERE ip = '' AND note = wording AND confirmed_at = asked_at")
    op.execute("UPDATE subscriber SET asked_at = created_at WHERE confirmed_at IS NULL")
    op.create_index(
        "consent_open",
        "consent",
        ["asked_at", "id"],
        unique=False,
        sqlite_where=sa.text("confirmed_at IS NULL AND considered_at IS NULL"),
        postgresql_where=sa.text("confirmed_at IS NULL AND considered_at IS NULL"),
    )
    op.create_index(
        "subscriber_unconfirmed",
        "subscriber",
        ["asked_at"],
        unique=False,
        sqlite_where=sa.text("confirmed_at IS NULL"),
        postgresql_where=sa.text("confirmed_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("subscriber_unconfirmed", table_name="subscriber")
    op.drop_index("consent_open", table_name="consent")
    op.drop_column("subscriber", "asked_at")
    op.drop_column("consent", "considered_at")
    op.drop_column("consent", "assent")
    op.drop_column("subscriber", "tags")
    op.drop_column("subscriber", "attributes")
    op.drop_column("subscriber", "language")
    op.drop_column("consent", "tags")
    op.drop_column("consent", "attributes")
    op.drop_column("consent", "utm")
    op.drop_column("consent", "shape")
    op.drop_column("consent", "language")
    op.drop_column("consent", "user_agent")
    op.drop_column("consent", "wording_version")
    op.drop_column("consent", "disowned_at")
    op.drop_index("ix_address_change_normalized", table_name="address_change")
    op.drop_index("ix_address_change_subscriber", table_name="address_change")
    op.drop_index("ix_hook_call_event", table_name="hook_call")
    op.drop_index("ix_hook_call_hook", table_name="hook_call")
    op.drop_index(
        "hook_call_leased",
        table_name="hook_call",
        sqlite_where=sa.text("lease_until IS NOT NULL"),
        postgresql_where=sa.text("lease_until IS NOT NULL"),
    )
    op.drop_index(
        "hook_call_due",
        table_name="hook_call",
        sqlite_where=sa.text("due_at IS NOT NULL"),
        postgresql_where=sa.text("due_at IS NOT NULL"),
    )
    op.drop_table("hook_call")
    op.drop_index("ix_event_subscriber", table_name="event")
    op.drop_table("event")
    op.drop_index("ix_departure_subscriber", table_name="departure")
    op.drop_table("departure")
    op.drop_index("ix_api_answer_answered_at", table_name="api_answer")
    op.drop_table("api_answer")
    op.drop_table("address_change")
    op.drop_index("ix_used_until", table_name="used")
    op.drop_table("used")
    op.drop_table("hook")
    op.drop_index("ix_door_use_hour", table_name="door_use")
    op.drop_table("door_use")
    op.drop_table("api_key")
