"""Forecasts of stays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "store_2"
down_revision = "store_1"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
INSTANT = sa.BigInteger()
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "forecast",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("stay_id", NUMBER, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("made", INSTANT, nullable=False),
        sa.Column("model", sa.String(length=128), nullable=False),
        sa.Column("scheme", sa.String(length=64), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=True),
        sa.Column("day", sa.Integer(), nullable=True),
        sa.Column("document", JSON, nullable=False),
        sa.Column("scored", INSTANT, nullable=True),
        sa.Column("scored_version", sa.Integer(), nullable=True),
        sa.Column("score", JSON, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_forecast"),
        sa.UniqueConstraint("stay_id", "as_of", "model", name="uq_forecast_stay_id_as_of_model"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_forecast_as_of_stay_id", "forecast", ["as_of", "stay_id"], unique=False)
