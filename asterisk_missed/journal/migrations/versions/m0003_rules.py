"""What rules need: expiry, callbacks by hand, numbers that are never called, calls counted by number"""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

EXPIRE = timedelta(hours=24)  # until then the only value


# Columns are added, no table is made anew: on SQLite others refer to it. What may not be NULL begins with this, and is filled.
NEVER = sa.text("'1970-01-01 00:00:00'")


def upgrade() -> None:
    op.add_column("callbacks", sa.Column("asked_at", sa.DateTime(), nullable=False, server_default=NEVER))
    op.add_column("callbacks", sa.Column("expires_at", sa.DateTime(), nullable=False, server_default=NEVER))
    op.add_column("callbacks", sa.Column("by_hand", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("callbacks", sa.Column("assigned", sa.String(length=15), nullable=True))
    op.add_column("attempts", sa.Column("number", sa.String(length=32), nullable=False, server_default=""))
    op.add_column("attempts", sa.Column("rung", sa.Boolean(), nullable=True))
    _fill()
    op.create_index("ix_callbacks_expiry", "callbacks", ["state", "expires_at"])
    op.create_index("ix_missed_did", "missed", ["did"])
    op.create_index("ix_callbacks_number", "callbacks", ["number"])
    op.create_index("ix_attempts_number", "attempts", ["number", "started_at"])
    op.create_index("ix_attempts_started", "attempts", ["started_at", "rung", "number", "talk"])
    op.create_table(
        "blocked",
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("by", sa.String(length=64), nullable=False),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_blocked")),
    )


def _fill() -> None:
    names = ("id", "number", "first_due_at", "asked_at", "expires_at")
    callbacks = sa.table("callbacks", *(sa.column(name) for name in names))
    callbacks.c.first_due_at.type = sa.DateTime()
    attempts = sa.table("attempts", *(sa.column(name) for name in ("callback_id", "number", "disposition", "rung")))
    db = op.get_bind()
    db.execute(attempts.update().where(attempts.c.disposition == "NOT SENT").values(rung=sa.false()))
    for row in db.execute(sa.select(callbacks.c.id, callbacks.c.number, callbacks.c.first_due_at)).all():
        due = row.first_due_at
        filled = {"asked_at": due, "expires_at": due + EXPIRE}
        db.execute(callbacks.update().where(callbacks.c.id == row.id).values(filled))
        db.execute(attempts.update().where(attempts.c.callback_id == row.id).values(number=row.number))
