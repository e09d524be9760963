"""The tables of findings and their review; part of :data:`grouper.store.schema.STORE`.

The table ``audit`` of :mod:`grouper.store.schema` is the log of who did what; findings of the charge
audit stand here.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from grouper.store.money import Money
from grouper.store.schema import STORE, Instant, Json, Number

screening = Table(
    "screening",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("started", Instant, nullable=False),
    Column("ended", Instant),
    Column("actor", String(128), nullable=False),
    Column("moment", String(8), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64)),
    Column("book", String(64), nullable=False),
    Column("book_hash", String(64), nullable=False),
    Column("cases", Integer, nullable=False),
    Column("lines", Integer, nullable=False),
    Column("findings", Integer, nullable=False),
    Column("fresh", Integer, nullable=False),
    Column("gone", Integer, nullable=False),
    Column("counts", Json, nullable=False),
    Column("not_run", Json, nullable=False),
    # When a page was last kept: a run whose process died is told by it.
    Column("touched", Instant, nullable=False),
    Index(None, "moment", "id"),
    sqlite_autoincrement=True,
)
"""Runs of the audit over stored stays: ``scope`` is ``running``, ``discharged``, a month or a case;
``state`` is ``waiting``, ``running``, ``done``, ``stopped`` or ``failed``."""

screened_stay = Table(
    "screened_stay",
    STORE,
    Column("stay_id", Number, primary_key=True, autoincrement=False),
    Column("moment", String(8), primary_key=True),
    Column("screening_id", Number, nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("day", Date, nullable=False),
    Column("version", Integer, nullable=False),
    # Whose stay it was then: persons are merged without a new version of their stays.
    Column("person_id", Number),
    Column("book_hash", String(64), nullable=False),
    # Why it could not be screened; None: it was.
    Column("reason", String(64)),
)
"""The last screening that a stay was part of, at each moment: what need not be screened again."""

finding = Table(
    "finding",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    # Of our own findings their id (24 hexadecimal digits), of others a hash of where they stand.
    Column("key", String(64), nullable=False, unique=True),
    # own, insurer or person.
    Column("source", String(16), nullable=False),
    Column("moment", String(8), nullable=False),
    Column("screening_id", Number),
    Column("batch_id", Number, index=True),
    # None: an insurer's finding whose stay is not here.
    Column("stay_id", Number, index=True),
    Column("version", Integer),
    Column("rule", String(64), nullable=False),
    Column("row", String(64)),
    Column("book", String(64), nullable=False),
    Column("book_hash", String(64), nullable=False),
    Column("level", String(16), nullable=False),
    Column("department", String(128)),
    Column("physician", String(128)),
    Column("day", Date),
    Column("amount", Money, nullable=False),
    # The row of FINDING_SCHEMA as JSON, and ``line_names`` as the sender calls the lines.
    Column("document", Json, nullable=False),
    Column("shadow", Boolean, nullable=False),
    Column("whitelist_id", Number),
    Column("state", String(24), nullable=False),
    Column("raised_by", String(128), nullable=False),
    Column("first_seen", Instant, nullable=False),
    Column("last_seen", Instant, nullable=False),
    # Since when a screening of its stay has not found it any more.
    Column("gone", Instant),
    Column("assignee", String(128)),
    # When the review has to come to its next state; of the insurer's findings its own deadline.
    Column("due", Instant),
    # The department that is asked where it is not that of the finding, and until when.
    Column("asked_department", String(128)),
    Column("asked_until", Instant),
    # Who gave the opinion that stands.
    Column("opinion_by", String(128)),
    # When someone last judged it rightly or wrongly found.
    Column("judged", Instant),
    Column("closed", Instant),
    Column("closed_by", String(128)),
    Column("false_positive", Boolean, nullable=False),
    Column("deduction", Money),
    Index(None, "state", "due"),
    Index(None, "rule", "state"),
    Index(None, "department", "state"),
    Index(None, "day"),
    Index(None, "closed"),
    sqlite_autoincrement=True,
)
"""Findings as they are now; how they came to be so is in ``finding_event``."""

finding_event = Table(
    "finding_event",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("finding_id", Number, nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("action", String(32), nullable=False),
    Column("before", String(24), nullable=False),
    Column("after", String(24), nullable=False),
    Column("note", Text),
    Column("about", Json, nullable=False),
    sqlite_autoincrement=True,
)
"""What was done with a finding; only ever added."""

finding_file = Table(
    "finding_file",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("finding_id", Number, nullable=False, index=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("name", String(256), nullable=False),
    Column("media", String(64), nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    Column("content", LargeBinary, nullable=False),
    sqlite_autoincrement=True,
)
"""Evidence: files that were handed in for a finding."""

finding_batch = Table(
    "finding_batch",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("name", String(256), nullable=False),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("due", Instant),
    Column("rows", Integer, nullable=False),
    Column("matched", Integer, nullable=False),
    # Rows that could not be read.
    Column("unread", Integer, nullable=False),
    Column("hospital", String(64), nullable=False),
    # Names of the columns of each sheet; and columns that are not known or not kept.
    Column("header", Json, nullable=False),
    Column("about", Json, nullable=False),
    sqlite_autoincrement=True,
)
"""Lists of findings that the insurer sent; the same file is taken once."""

finding_batch_row = Table(
    "finding_batch_row",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("batch_id", Number, nullable=False, index=True),
    # In the order of the file, from 1.
    Column("number", Integer, nullable=False),
    Column("sheet", String(64)),
    # As a spreadsheet shows it.
    Column("row", Integer, nullable=False),
    # Of the finding that it is a line of; null: it could not be read.
    Column("key", String(64), index=True),
    Column("reason", String(64)),
    Column("cells", Json, nullable=False),
    sqlite_autoincrement=True,
)
"""The rows of such a list, without what names a patient."""

whitelist = Table(
    "whitelist",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("rule", String(64), nullable=False, index=True),
    Column("row", String(64)),
    # What it covers: any of ``case_id``, ``department``, ``item``, ``dx`` (beginning of a code).
    Column("scope", Json, nullable=False),
    Column("reason", Text, nullable=False),
    Column("valid_from", Date, nullable=False),
    Column("valid_to", Date, nullable=False),
    Column("created", Instant, nullable=False),
    Column("created_by", String(128), nullable=False),
    Column("approved", Instant),
    Column("approved_by", String(128)),
    Column("ended", Instant),
    Column("ended_by", String(128)),
    Column("ended_reason", Text),
    sqlite_autoincrement=True,
)
"""Exceptions from rules, each with its reason and its end; they hold once another has approved."""

rule_standing = Table(
    "rule_standing",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("book", String(64), nullable=False),
    Column("rule", String(64), nullable=False),
    Column("standing", String(16), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("reason", Text, nullable=False),
    Index(None, "book", "rule", "id"),
    sqlite_autoincrement=True,
)
"""Whether a rule is ``live``, in ``shadow``, in ``review`` (three false positives) or ``off`` here;
only ever added, the last one counts, without one it is live."""

order_check = Table(
    "order_check",
    STORE,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Instant, nullable=False),
    # cds, rest, 3101 or 3102.
    Column("via", String(8), nullable=False),
    Column("moment", String(8), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("key", String(64), nullable=False, index=True),
    Column("stay_id", Number, index=True),
    Column("rule", String(64), nullable=False),
    Column("row", String(64)),
    Column("level", String(16), nullable=False),
    Column("item", String(128)),
    Column("department", String(128)),
    Column("physician", String(128)),
    Column("amount", Money, nullable=False),
    Column("document", Json, nullable=False),
    # Of a rule that is in shadow or in review: it was kept and not told.
    Column("shadow", Boolean, nullable=False),
    # Feedback (3103): 1 goes on, with a reason; 2 goes back and changes.
    Column("answer", String(16)),
    Column("answer_reason", Text),
    Column("answered", Instant),
    Column("answered_by", String(128)),
    Index(None, "rule", "at"),
    sqlite_autoincrement=True,
)
"""What a physician was told before an order was signed, and what became of it."""
