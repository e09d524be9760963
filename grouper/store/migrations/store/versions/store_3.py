"""Findings of the charge audit and their review."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "store_3"
down_revision = "store_2"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")
MONEY = sa.Numeric(16, 2).with_variant(sa.BigInteger(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "finding",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("source", sa.String(length=16), nullable=False),
        sa.Column("moment", sa.String(length=8), nullable=False),
        sa.Column("screening_id", NUMBER, nullable=True),
        sa.Column("batch_id", NUMBER, nullable=True),
        sa.Column("stay_id", NUMBER, nullable=True),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("row", sa.String(length=64), nullable=True),
        sa.Column("book", sa.String(length=64), nullable=False),
        sa.Column("book_hash", sa.String(length=64), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=True),
        sa.Column("physician", sa.String(length=128), nullable=True),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("document", JSON, nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("whitelist_id", NUMBER, nullable=True),
        sa.Column("state", sa.String(length=24), nullable=False),
        sa.Column("raised_by", sa.String(length=128), nullable=False),
        sa.Column("first_seen", INSTANT, nullable=False),
        sa.Column("last_seen", INSTANT, nullable=False),
        sa.Column("gone", INSTANT, nullable=True),
        sa.Column("assignee", sa.String(length=128), nullable=True),
        sa.Column("due", INSTANT, nullable=True),
        sa.Column("asked_department", sa.String(length=128), nullable=True),
        sa.Column("asked_until", INSTANT, nullable=True),
        sa.Column("opinion_by", sa.String(length=128), nullable=True),
        sa.Column("judged", INSTANT, nullable=True),
        sa.Column("closed", INSTANT, nullable=True),
        sa.Column("closed_by", sa.String(length=128), nullable=True),
        sa.Column("false_positive", sa.Boolean(), nullable=False),
        sa.Column("deduction", MONEY, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_finding"),
        sa.UniqueConstraint("key", name="uq_finding_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_finding_batch_id", "finding", ["batch_id"], unique=False)
    op.create_index("ix_finding_closed", "finding", ["closed"], unique=False)
    op.create_index("ix_finding_day", "finding", ["day"], unique=False)
    op.create_index("ix_finding_department_state", "finding", ["department", "state"], unique=False)
    op.create_index("ix_finding_rule_state", "finding", ["rule", "state"], unique=False)
    op.create_index("ix_finding_state_due", "finding", ["state", "due"], unique=False)
    op.create_index("ix_finding_stay_id", "finding", ["stay_id"], unique=False)
    op.create_table(
        "finding_batch",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("due", INSTANT, nullable=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("unread", sa.Integer(), nullable=False),
        sa.Column("hospital", sa.String(length=64), nullable=False),
        sa.Column("header", JSON, nullable=False),
        sa.Column("about", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_finding_batch"),
        sa.UniqueConstraint("sha256", name="uq_finding_batch_sha256"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "finding_batch_row",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("batch_id", NUMBER, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("sheet", sa.String(length=64), nullable=True),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("cells", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_finding_batch_row"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_finding_batch_row_batch_id", "finding_batch_row", ["batch_id"], unique=False
    )
    op.create_index("ix_finding_batch_row_key", "finding_batch_row", ["key"], unique=False)
    op.create_table(
        "finding_event",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("finding_id", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("before", sa.String(length=24), nullable=False),
        sa.Column("after", sa.String(length=24), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("about", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_finding_event"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_finding_event_finding_id", "finding_event", ["finding_id"], unique=False)
    op.create_table(
        "finding_file",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("finding_id", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("name", sa.String(length=256), nullable=False),
        sa.Column("media", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_finding_file"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_finding_file_finding_id", "finding_file", ["finding_id"], unique=False)
    op.create_table(
        "order_check",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("via", sa.String(length=8), nullable=False),
        sa.Column("moment", sa.String(length=8), nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("stay_id", NUMBER, nullable=True),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("row", sa.String(length=64), nullable=True),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("item", sa.String(length=128), nullable=True),
        sa.Column("department", sa.String(length=128), nullable=True),
        sa.Column("physician", sa.String(length=128), nullable=True),
        sa.Column("amount", MONEY, nullable=False),
        sa.Column("document", JSON, nullable=False),
        sa.Column("shadow", sa.Boolean(), nullable=False),
        sa.Column("answer", sa.String(length=16), nullable=True),
        sa.Column("answer_reason", sa.Text(), nullable=True),
        sa.Column("answered", INSTANT, nullable=True),
        sa.Column("answered_by", sa.String(length=128), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_order_check"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_order_check_key", "order_check", ["key"], unique=False)
    op.create_index("ix_order_check_rule_at", "order_check", ["rule", "at"], unique=False)
    op.create_index("ix_order_check_stay_id", "order_check", ["stay_id"], unique=False)
    op.create_table(
        "rule_standing",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("book", sa.String(length=64), nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule_standing"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_rule_standing_book_rule_id", "rule_standing", ["book", "rule", "id"], unique=False
    )
    op.create_table(
        "screening",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("started", INSTANT, nullable=False),
        sa.Column("ended", INSTANT, nullable=True),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("moment", sa.String(length=8), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("book", sa.String(length=64), nullable=False),
        sa.Column("book_hash", sa.String(length=64), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("findings", sa.Integer(), nullable=False),
        sa.Column("fresh", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("counts", JSON, nullable=False),
        sa.Column("not_run", JSON, nullable=False),
        sa.Column("touched", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_screening"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_screening_moment_id", "screening", ["moment", "id"], unique=False)
    op.create_table(
        "screened_stay",
        sa.Column("stay_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("moment", sa.String(length=8), nullable=False),
        sa.Column("screening_id", NUMBER, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("person_id", NUMBER, nullable=True),
        sa.Column("book_hash", sa.String(length=64), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("stay_id", "moment", name="pk_screened_stay"),
    )
    op.create_index(
        "ix_screened_stay_screening_id", "screened_stay", ["screening_id"], unique=False
    )
    op.create_table(
        "whitelist",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("rule", sa.String(length=64), nullable=False),
        sa.Column("row", sa.String(length=64), nullable=True),
        sa.Column("scope", JSON, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("created_by", sa.String(length=128), nullable=False),
        sa.Column("approved", INSTANT, nullable=True),
        sa.Column("approved_by", sa.String(length=128), nullable=True),
        sa.Column("ended", INSTANT, nullable=True),
        sa.Column("ended_by", sa.String(length=128), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_whitelist"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_whitelist_rule", "whitelist", ["rule"], unique=False)
