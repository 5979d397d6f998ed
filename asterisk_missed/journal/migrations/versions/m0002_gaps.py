"""When nothing was heard, and how far what Asterisk wrote has been read"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "listening",
        sa.Column("pbx", sa.String(length=63), nullable=False),
        sa.Column("since", sa.DateTime(), nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("pbx", name=op.f("pk_listening")),
    )
    op.create_table(
        "gaps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("pbx", sa.String(length=63), nullable=False),
        sa.Column("began_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime(), nullable=True),
        sa.Column("why", sa.String(length=200), nullable=False),
        sa.Column("witness", sa.String(length=15), nullable=True),
        sa.Column("recovered", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("taken_back", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gaps")),
    )
    op.create_index("ix_gaps_pbx", "gaps", ["pbx", "began_at"], unique=False)
    op.create_table(
        "places",
        sa.Column("pbx", sa.String(length=63), nullable=False),
        sa.Column("file", sa.String(length=200), nullable=False),
        sa.Column("inode", sa.BigInteger(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pbx", "file", name=op.f("pk_places")),
    )
