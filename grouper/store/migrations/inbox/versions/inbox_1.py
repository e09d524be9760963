"""The raw messages and their repeats."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "inbox_1"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "message",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("received", INSTANT, nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.Column("form", sa.String(length=32), nullable=False),
        sa.Column("sender", sa.String(length=256), nullable=False),
        sa.Column("facility", sa.String(length=256), nullable=False),
        sa.Column("control_id", sa.String(length=256), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("patient", sa.String(length=256), nullable=False),
        sa.Column("visit", sa.String(length=256), nullable=False),
        sa.Column("verdict", sa.String(length=2), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=256), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=True),
        sa.Column("replay_of", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_message_patient", "message", ["patient"], unique=False)
    op.create_index("ix_message_visit", "message", ["visit"], unique=False)
    op.create_index(
        "uq_message_identity",
        "message",
        ["control_id", "sender", "facility", "form", "sha256"],
        unique=True,
        sqlite_where=sa.text("control_id <> '' AND replay_of IS NULL"),
        postgresql_where=sa.text("control_id <> '' AND replay_of IS NULL"),
    )
    op.create_table(
        "repeat",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("message_id", NUMBER, nullable=False),
        sa.Column("received", INSTANT, nullable=False),
        sa.Column("channel", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_repeat"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_repeat_message_id", "repeat", ["message_id"], unique=False)
