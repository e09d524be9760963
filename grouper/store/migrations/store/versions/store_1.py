"""Stays and their versions, groupings, accounts, the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "store_1"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()
MONEY = sa.Numeric(16, 2).with_variant(sa.BigInteger(), "sqlite")
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "account",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("departments", JSON, nullable=False),
        sa.Column("password", sa.String(length=256), nullable=True),
        sa.Column("subject", sa.String(length=256), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("must_change", sa.Boolean(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_account"),
        sa.UniqueConstraint("name", name="uq_account_name"),
        sa.UniqueConstraint("subject", name="uq_account_subject"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "alert",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("started", INSTANT, nullable=False),
        sa.Column("ended", INSTANT, nullable=True),
        sa.Column("about", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alert"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "api_key",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("expires", INSTANT, nullable=True),
        sa.Column("revoked", INSTANT, nullable=True),
        sa.Column("used", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("prefix", name="uq_api_key_prefix"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_api_key_account_id", "api_key", ["account_id"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("actor", sa.String(length=128), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("object", sa.String(length=128), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("previous", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_object", "audit", ["object"], unique=False)
    op.create_table(
        "charge_line",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("stay_id", NUMBER, nullable=False),
        sa.Column("line", sa.String(length=512), nullable=False),
        sa.Column("message_id", NUMBER, nullable=False),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("item", sa.Text(), nullable=True),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("class", sa.Text(), nullable=True),
        sa.Column(
            "quantity",
            sa.Numeric(precision=18, scale=4).with_variant(sa.String(length=24), "sqlite"),
            nullable=True,
        ),
        sa.Column("amount", MONEY, nullable=True),
        sa.Column("charged", INSTANT, nullable=True),
        sa.Column("about", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_charge_line"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_charge_line_stay_id_line_id", "charge_line", ["stay_id", "line", "id"], unique=False
    )
    op.create_table(
        "grouping",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("stay_id", NUMBER, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("binding", sa.Boolean(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("warnings", sa.Text(), nullable=True),
        sa.Column("mdc", sa.String(length=16), nullable=True),
        sa.Column("adrg", sa.String(length=32), nullable=True),
        sa.Column("group", sa.String(length=64), nullable=True),
        sa.Column("group_name", sa.Text(), nullable=True),
        sa.Column("cc_level", sa.String(length=8), nullable=True),
        sa.Column("group_kind", sa.String(length=32), nullable=True),
        sa.Column("weight", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_grouping"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_grouping_group", "grouping", ["group"], unique=False)
    op.create_index("ix_grouping_stay_id_version", "grouping", ["stay_id", "version"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("destination", sa.String(length=64), nullable=False),
        sa.Column("stay_id", NUMBER, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_try", INSTANT, nullable=False),
        sa.Column("answer", sa.String(length=256), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_outbox_destination_state_id", "outbox", ["destination", "state", "id"], unique=False
    )
    op.create_table(
        "outcome",
        sa.Column("message_id", NUMBER, autoincrement=False, nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("place", sa.String(length=256), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("stays", JSON, nullable=False),
        sa.Column("form", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("sender", sa.String(length=256), nullable=False),
        sa.Column("control_id", sa.String(length=256), nullable=False),
        sa.Column("patient", sa.String(length=256), nullable=False),
        sa.Column("visit", sa.String(length=256), nullable=False),
        sa.Column("received", INSTANT, nullable=False),
        sa.Column("settled_by", sa.String(length=64), nullable=True),
        sa.Column("settled_note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("message_id", name="pk_outcome"),
    )
    op.create_index("ix_outcome_state_message_id", "outcome", ["state", "message_id"], unique=False)
    op.create_index("ix_outcome_visit", "outcome", ["visit"], unique=False)
    op.create_table(
        "person",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("pseudonym", sa.String(length=36), nullable=False),
        sa.Column("hospital", sa.String(length=64), nullable=False),
        sa.Column("patient", sa.String(length=256), nullable=False),
        sa.Column("merged_into", NUMBER, nullable=True),
        sa.Column("details", JSON, nullable=False),
        sa.Column("stamp", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_person"),
        sa.UniqueConstraint("hospital", "patient", name="uq_person_hospital_patient"),
        sa.UniqueConstraint("pseudonym", name="uq_person_pseudonym"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "position",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("message_id", NUMBER, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_position"),
    )
    op.create_table(
        "session",
        sa.Column("token", sa.LargeBinary(length=32), nullable=False),
        sa.Column("account_id", NUMBER, nullable=False),
        sa.Column("created", INSTANT, nullable=False),
        sa.Column("used", INSTANT, nullable=False),
        sa.Column("expires", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("token", name="pk_session"),
    )
    op.create_index("ix_session_account_id", "session", ["account_id"], unique=False)
    op.create_table(
        "stay",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("case_id", sa.String(length=36), nullable=False),
        sa.Column("hospital", sa.String(length=64), nullable=False),
        sa.Column("visit", sa.String(length=256), nullable=False),
        sa.Column("person_id", NUMBER, nullable=True),
        sa.Column("merged_into", NUMBER, nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("department", sa.String(length=128), nullable=True),
        sa.Column("admitted", INSTANT, nullable=True),
        sa.Column("discharged", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed", INSTANT, nullable=False),
        sa.Column("total_cost", MONEY, nullable=True),
        sa.Column("grouping_id", NUMBER, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_stay"),
        sa.UniqueConstraint("case_id", name="uq_stay_case_id"),
        sa.UniqueConstraint("hospital", "visit", name="uq_stay_hospital_visit"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_stay_changed", "stay", ["changed"], unique=False)
    op.create_index("ix_stay_discharged", "stay", ["discharged"], unique=False)
    op.create_index("ix_stay_person_id", "stay", ["person_id"], unique=False)
    op.create_index("ix_stay_state_department", "stay", ["state", "department"], unique=False)
    op.create_table(
        "stay_version",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("stay_id", NUMBER, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("message_id", NUMBER, nullable=False),
        sa.Column("record", JSON, nullable=False),
        sa.Column("lines_until", NUMBER, nullable=False),
        sa.Column("issues", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stay_version"),
        sa.UniqueConstraint("stay_id", "version", name="uq_stay_version_stay_id_version"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_stay_version_message_id", "stay_version", ["message_id"], unique=False)
