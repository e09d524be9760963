"""The tables. Alembic migrations bring a database here; a test holds the two equal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from grouper.store.money import Money

if TYPE_CHECKING:
    from sqlalchemy import Dialect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def microseconds(value: datetime) -> int:
    """An aware datetime as microseconds since 1970 in UTC."""
    return (value - _EPOCH) // timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """A point in time: microseconds since 1970 in UTC, given as an aware datetime.

    A whole number means the same on every database; SQLite has no type for times with a zone.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Aware datetime to microseconds."""
        del dialect
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Microseconds to aware datetime in UTC."""
        del dialect
        return None if value is None else _EPOCH + timedelta(microseconds=value)


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


Number = BigInteger().with_variant(Integer, "sqlite")
"""A counted id; SQLite counts only ``INTEGER``."""
Json = JSON().with_variant(JSONB, "postgresql")

INBOX = MetaData(naming_convention=_NAMES)
STORE = MetaData(naming_convention=_NAMES)

message = Table(
    "message",
    INBOX,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("received", Instant, nullable=False),
    Column("channel", String(64), nullable=False),
    Column("form", String(32), nullable=False),
    Column("sender", String(256), nullable=False),
    Column("facility", String(256), nullable=False),
    Column("control_id", String(256), nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("patient", String(256), nullable=False),
    Column("visit", String(256), nullable=False),
    Column("verdict", String(2), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("place", String(256), nullable=False),
    Column("size", Integer, nullable=False),
    # Empty once retention let go of it, and in a replay, which reads its original.
    Column("raw", LargeBinary),
    Column("replay_of", Number),
    Index(None, "visit"),
    Index(None, "patient"),
    Index(
        "uq_message_identity",
        # The one that tells messages apart goes first: no planner can then read all of a sender's.
        "control_id",
        "sender",
        "facility",
        "form",
        "sha256",
        unique=True,
        sqlite_where=text("control_id <> '' AND replay_of IS NULL"),
        postgresql_where=text("control_id <> '' AND replay_of IS NULL"),
    ),
    sqlite_autoincrement=True,
)
"""Raw messages in the order of their commit: ids never run against it.

Writers commit one after the other (SQLite's write lock, on PostgreSQL an advisory lock), so that a
reader who has seen an id has seen all below it.
"""

repeat = Table(
    "repeat",
    INBOX,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("message_id", Number, nullable=False, index=True),
    Column("received", Instant, nullable=False),
    Column("channel", String(64), nullable=False),
    sqlite_autoincrement=True,
)
"""Duplicates that came again: when, and by which channel."""

position = Table(
    "position",
    STORE,
    Column("name", String(32), primary_key=True),
    Column("message_id", Number, nullable=False),
)
"""How far a reader of the inbox has come; moves in the transaction that writes the effects."""

outcome = Table(
    "outcome",
    STORE,
    Column("message_id", Number, primary_key=True, autoincrement=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False),
    Column("place", String(256), nullable=False),
    Column("at", Instant, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("stays", Json, nullable=False),
    # Facts of the envelope, so that quarantine can be searched without the inbox.
    Column("form", String(32), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("sender", String(256), nullable=False),
    Column("control_id", String(256), nullable=False),
    Column("patient", String(256), nullable=False),
    Column("visit", String(256), nullable=False),
    Column("received", Instant, nullable=False),
    # Who settled a quarantined message, and why.
    Column("settled_by", String(64)),
    Column("settled_note", Text),
    Index(None, "state", "message_id"),
    Index(None, "visit"),
)
"""What became of each message (:class:`grouper.store.states.State`)."""

person = Table(
    "person",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("pseudonym", String(36), nullable=False, unique=True),
    Column("hospital", String(64), nullable=False),
    Column("patient", String(256), nullable=False),
    Column("merged_into", Number),
    Column("details", Json, nullable=False),
    Column("stamp", Number, nullable=False),
    UniqueConstraint("hospital", "patient"),
    sqlite_autoincrement=True,
)
"""Patients; ``details`` name the person and are shown only to roles that may see them."""

stay = Table(
    "stay",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("case_id", String(36), nullable=False, unique=True),
    Column("hospital", String(64), nullable=False),
    Column("visit", String(256), nullable=False),
    Column("person_id", Number, index=True),
    Column("merged_into", Number),
    Column("state", String(16), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("department", String(128)),
    Column("admitted", Instant),
    Column("discharged", Instant, index=True),
    Column("version", Integer, nullable=False),
    Column("changed", Instant, nullable=False, index=True),
    Column("total_cost", Money),
    Column("grouping_id", Number),
    UniqueConstraint("hospital", "visit"),
    Index(None, "state", "department"),
    sqlite_autoincrement=True,
)
"""Stays and visits as they are now: the head of their versions (running, discharged, cancelled, merged)."""

stay_version = Table(
    "stay_version",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("stay_id", Number, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("message_id", Number, nullable=False, index=True),
    Column("record", Json, nullable=False),
    Column("lines_until", Number, nullable=False),
    Column("issues", Json, nullable=False),
    UniqueConstraint("stay_id", "version"),
    sqlite_autoincrement=True,
)
"""Every version of a stay: the running record and the issues of its values.

Ids rise in the order of commits: who has seen one has seen all below it.

``record``: as :mod:`grouper.intake.record`, or ``{"as": n}``: that of version ``n``, where only
charge lines differ. ``lines_until``: the greatest ``charge_line.id`` that belongs to the version.
"""

charge_line = Table(
    "charge_line",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("stay_id", Number, nullable=False),
    Column("line", String(512), nullable=False),
    Column("message_id", Number, nullable=False),
    Column("gone", Boolean, nullable=False),
    Column("item", Text),
    Column("name", Text),
    Column("class", Text),
    Column("quantity", Numeric(18, 4).with_variant(String(24), "sqlite")),
    Column("amount", Money),
    Column("charged", Instant),
    Column("about", Json, nullable=False),
    Index(None, "stay_id", "line", "id"),
    sqlite_autoincrement=True,
)
"""Charge lines as they came, never changed: of the rows of one ``line`` that with the greatest
``message_id`` counts, then the greatest ``id``; ``gone``: taken away; the line ``*``: all lines
before it in that order are (:mod:`grouper.store.lines`)."""

grouping = Table(
    "grouping",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("stay_id", Number, nullable=False),
    Column("version", Integer, nullable=False),
    Column("at", Instant, nullable=False),
    Column("scheme", String(64), nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("binding", Boolean, nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", String(64)),
    Column("warnings", Text),
    Column("mdc", String(16)),
    Column("adrg", String(32)),
    Column("group", String(64), index=True),
    Column("group_name", Text),
    Column("cc_level", String(8)),
    Column("group_kind", String(32)),
    Column("weight", String(32)),
    Index(None, "stay_id", "version"),
    sqlite_autoincrement=True,
)
"""Groupings; ``binding``: the scheme that binds the stay, others are for comparison. The scheme is
empty where none binds, with the reason. The trace is recomputed from version and content hash."""

forecast = Table(
    "forecast",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("stay_id", Number, nullable=False),
    Column("version", Integer, nullable=False),
    Column("as_of", Date, nullable=False),
    Column("made", Instant, nullable=False),
    Column("model", String(128), nullable=False),
    Column("scheme", String(64), nullable=False),
    Column("status", String(16), nullable=False),
    Column("reason", String(64)),
    Column("day", Integer),
    Column("document", Json, nullable=False),
    Column("scored", Instant),
    Column("scored_version", Integer),
    Column("score", Json),
    UniqueConstraint("stay_id", "as_of", "model"),
    Index(None, "as_of", "stay_id"),
    sqlite_autoincrement=True,
)
"""Forecasts of stays; of a stay, a day and a model there is one, the newest. ``version``: of the
stay, from which it was made; ``as_of``: the last whole day that was known; ``day``: of the stay.
``score``: what came, from ``scored_version`` of the stay (:mod:`grouper.store.forecasts`)."""

outbox = Table(
    "outbox",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("created", Instant, nullable=False),
    Column("destination", String(64), nullable=False),
    Column("stay_id", Number, nullable=False),
    Column("version", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try", Instant, nullable=False),
    Column("answer", String(256)),
    Index(None, "destination", "state", "id"),
    Index(None, "stay_id"),
    sqlite_autoincrement=True,
)
"""Results on their way back to the hospital's systems (waiting, sent, failed)."""

alert = Table(
    "alert",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("kind", String(32), nullable=False),
    Column("started", Instant, nullable=False),
    Column("ended", Instant),
    Column("about", Json, nullable=False),
    sqlite_autoincrement=True,
)
"""Conditions that an operator should know of, with their start and end (a queue that builds up)."""

audit = Table(
    "audit",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(64), nullable=False),
    Column("object", String(128), nullable=False, index=True),
    Column("about", Text, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),
)
"""The audit log: who did or saw what. Ids have no gaps; each entry's hash covers the one before."""

account = Table(
    "account",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("departments", Json, nullable=False),
    Column("password", String(256)),
    Column("subject", String(256), unique=True),
    Column("active", Boolean, nullable=False),
    Column("created", Instant, nullable=False),
    Column("must_change", Boolean, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", Instant),
    sqlite_autoincrement=True,
)
"""Accounts; ``password`` is an Argon2 hash, ``subject`` the account's name at the OIDC provider."""

session = Table(
    "session",
    STORE,
    Column("token", LargeBinary(32), primary_key=True),
    Column("account_id", Number, nullable=False, index=True),
    Column("created", Instant, nullable=False),
    Column("used", Instant, nullable=False),
    Column("expires", Instant, nullable=False),
)
"""Sessions by the hash of their token."""

api_key = Table(
    "api_key",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("account_id", Number, nullable=False, index=True),
    Column("prefix", String(16), nullable=False, unique=True),
    Column("hash", LargeBinary(32), nullable=False),
    Column("label", String(64), nullable=False),
    Column("created", Instant, nullable=False),
    Column("expires", Instant),
    Column("revoked", Instant),
    Column("used", Instant),
    sqlite_autoincrement=True,
)
"""Keys of systems; only a hash is kept."""
