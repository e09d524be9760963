"""Results on their way back are found by their stay: its history, its erasure, its end."""

from __future__ import annotations

from alembic import op

revision = "store_4"
down_revision = "store_3"


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_outbox_stay_id", "outbox", ["stay_id"], unique=False)
