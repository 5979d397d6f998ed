"""The first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "callbacks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pbx", sa.String(length=63), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("open_number", sa.String(length=32), nullable=True),
        sa.Column("rule", sa.String(length=31), nullable=False),
        sa.Column("state", sa.String(length=15), nullable=False),
        sa.Column("reason", sa.String(length=31), nullable=False),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("first_due_at", sa.DateTime(), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("did", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_callbacks")),
        sa.UniqueConstraint("open_number", name=op.f("uq_callbacks_open_number")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_callbacks_due", "callbacks", ["state", "due_at"], unique=False)
    op.create_table(
        "contacts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pbx", sa.String(length=63), nullable=False),
        sa.Column("uniqueid", sa.String(length=150), nullable=False),
        sa.Column("number", sa.String(length=200), nullable=False),
        sa.Column("direction", sa.String(length=3), nullable=False),
        sa.Column("employee", sa.String(length=64), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("talk", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("pbx", "uniqueid", name=op.f("uq_contacts_pbx")),
    )
    op.create_index("ix_contacts_number", "contacts", ["number", "at"], unique=False)
    op.create_table(
        "revisions",
        sa.Column("name", sa.String(length=31), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_revisions")),
    )
    op.create_table(
        "rules",
        sa.Column("slug", sa.String(length=31), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("body", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_rules")),
    )
    op.create_table(
        "attempts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("callback_id", sa.Integer(), nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("pbx", sa.String(length=63), nullable=False),
        sa.Column("channel_id", sa.String(length=149), nullable=False),
        sa.Column("rule", sa.String(length=31), nullable=False),
        sa.Column("first", sa.String(length=15), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("disposition", sa.String(length=31), nullable=True),
        sa.Column("reason", sa.String(length=31), nullable=True),
        sa.Column("cause", sa.Integer(), nullable=True),
        sa.Column("tech_cause", sa.Integer(), nullable=True),
        sa.Column("employee", sa.String(length=64), nullable=True),
        sa.Column("talked_at", sa.DateTime(), nullable=True),
        sa.Column("talk", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["callback_id"], ["callbacks.id"], name=op.f("fk_attempts_callback_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attempts")),
        sa.UniqueConstraint("channel_id", name=op.f("uq_attempts_channel_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_attempts_callback_id"), "attempts", ["callback_id"], unique=False)
    op.create_index(op.f("ix_attempts_ended_at"), "attempts", ["ended_at"], unique=False)
    op.create_table(
        "missed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pbx", sa.String(length=63), nullable=False),
        sa.Column("linkedid", sa.String(length=150), nullable=False),
        sa.Column("callback_id", sa.Integer(), nullable=True),
        sa.Column("missed_at", sa.DateTime(), nullable=False),
        sa.Column("started_at", sa.DateTime(), nullable=False),
        sa.Column("caller", sa.String(length=200), nullable=False),
        sa.Column("caller_name", sa.String(length=200), nullable=False),
        sa.Column("did", sa.String(length=200), nullable=True),
        sa.Column("trunk", sa.String(length=100), nullable=True),
        sa.Column("queue", sa.String(length=100), nullable=True),
        sa.Column("extension", sa.String(length=100), nullable=True),
        sa.Column("source_kind", sa.String(length=15), nullable=True),
        sa.Column("source_name", sa.String(length=100), nullable=True),
        sa.Column("rule", sa.String(length=31), nullable=True),
        sa.Column("wait", sa.Float(), nullable=False),
        sa.Column("queue_wait", sa.Float(), nullable=True),
        sa.Column("lost_in", sa.String(length=15), nullable=True),
        sa.Column("lost_how", sa.String(length=31), nullable=True),
        sa.Column("status", sa.String(length=31), nullable=False),
        sa.Column("reason", sa.String(length=31), nullable=True),
        sa.Column("due_at", sa.DateTime(), nullable=True),
        sa.Column("called_back_at", sa.DateTime(), nullable=True),
        sa.Column("employee", sa.String(length=64), nullable=True),
        sa.Column("talk", sa.Float(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("recovered", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["callback_id"], ["callbacks.id"], name=op.f("fk_missed_callback_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_missed")),
        sa.UniqueConstraint("pbx", "linkedid", name=op.f("uq_missed_pbx")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_missed_callback_id"), "missed", ["callback_id"], unique=False)
    op.create_index(op.f("ix_missed_caller"), "missed", ["caller"], unique=False)
    op.create_index(op.f("ix_missed_missed_at"), "missed", ["missed_at"], unique=False)
    op.create_table(
        "story",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("missed_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("event", sa.String(length=31), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["missed_id"], ["missed.id"], name=op.f("fk_story_missed_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story")),
    )
    op.create_index(op.f("ix_story_missed_id"), "story", ["missed_id"], unique=False)
