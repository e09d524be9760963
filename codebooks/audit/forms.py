"""The tables of a rule book: their columns, what makes two rows speak of the same thing.

Beside its own columns each table has those of :data:`HEAD` and :data:`TAIL`. ``level`` may be
empty: then the rule's level holds. ``valid_from`` may be empty: then the rule's holds, else the
book's; validity is half-open.
"""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa

from codebooks.audit.cells import ARROW, Column, Kind

LEVELS = ("violation", "suspect", "verify", "monitor")
CLASSES = ("policy", "management", "clinical", "behaviour", "coding")
MOMENTS = ("order", "stay", "upload")
SEXES = ("1", "2")
WHOLE, PREFIX = "whole", "prefix"


@dataclass(frozen=True, slots=True)
class Form:
    """The form of one table.

    Attributes:
        columns: its own columns.
        key: the columns that name what a row speaks of; two rows of one rule and level that agree
            in them and hold on the same day must agree in the rest.
        one_of: at least one of these columns must be filled.
    """

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    one_of: tuple[str, ...] = ()


HEAD = (Column("row", Kind.ID), Column("rule", Kind.ID))
TAIL = (
    Column("level", Kind.WORD, required=False, words=LEVELS),
    Column("valid_from", Kind.DATE, required=False),
    Column("valid_to", Kind.DATE, required=False),
    Column("source", Kind.TEXT),
    Column("note", Kind.TEXT, required=False),
)
RULES = (
    Column("rule", Kind.ID),
    Column("name_zh", Kind.TEXT),
    Column("name_en", Kind.TEXT),
    Column("class", Kind.WORD, words=CLASSES),
    Column("subclass", Kind.TEXT),
    Column("level", Kind.WORD, words=LEVELS),
    Column("standing", Kind.WORD, words=("official", "proposal", "check", "own")),
    Column("moments", Kind.WORDS, words=MOMENTS),
    Column("template", Kind.ID, required=False),
    Column("valid_from", Kind.DATE, required=False),
    Column("valid_to", Kind.DATE, required=False),
    Column("needs", Kind.WORDS, required=False),
    Column("note", Kind.TEXT, required=False),
    Column("source", Kind.TEXT),
)

_ITEM = Column("item", Kind.ITEM)


def _optional(kind: Kind, *names: str) -> tuple[Column, ...]:
    return tuple(Column(name, kind, required=False) for name in names)


_AGES = _optional(Kind.COUNT, "least_days", "most_days", "least_years", "most_years")
_AGE_NAMES = tuple(column.name for column in _AGES)

FORMS: dict[str, Form] = {
    "pairs": Form(
        (
            Column("item_a", Kind.ITEM),
            Column("item_b", Kind.ITEM),
            Column("window", Kind.WORD, words=("day", "visit", "six_hours", "hour")),
            Column("keep", Kind.WORD, words=("a", "b")),
        ),
        ("item_a", "item_b", "window"),
    ),
    "quantity": Form(
        (
            _ITEM,
            Column("most", Kind.NUMBER),
            Column("per", Kind.WORD, words=("day", "hours24", "visit")),
        ),
        ("item", "per"),
    ),
    "cycle": Form((_ITEM, Column("times", Kind.COUNT), Column("days", Kind.COUNT)), ("item",)),
    "course": Form(
        (_ITEM, *_optional(Kind.COUNT, "most_days", "least_gap")),
        ("item",),
        ("most_days", "least_gap"),
    ),
    "sex": Form((_ITEM, Column("sex", Kind.WORD, words=SEXES)), ("item",)),
    "age": Form((_ITEM, *_AGES), ("item",), _AGE_NAMES),
    "insurance": Form((_ITEM, Column("allowed", Kind.WORDS)), ("item",)),
    "level": Form(
        (_ITEM, Column("least_level", Kind.WORD, words=("I", "II", "III"))),
        ("item",),
    ),
    "visit": Form(
        (
            _ITEM,
            Column(
                "allowed",
                Kind.WORDS,
                words=("inpatient", "outpatient", "emergency"),
            ),
        ),
        ("item",),
    ),
    "excluded": Form((_ITEM, Column("when", Kind.WORD, words=("always", "alone"))), ("item",)),
    "indication": Form(
        (
            _ITEM,
            Column("allowed", Kind.PREFIXES, required=False),
            Column("text", Kind.TEXT, required=False),
        ),
        ("item",),
        ("allowed", "text"),
    ),
    "second_line": Form((_ITEM, Column("text", Kind.TEXT)), ("item",)),
    "surgery": Form(
        (_ITEM, Column("group", Kind.TEXT), Column("share", Kind.NUMBER)), ("item", "group")
    ),
    "px_sex": Form(
        (Column("prefix", Kind.CODE), Column("sex", Kind.WORD, words=SEXES)), ("prefix",)
    ),
    "dx_sex": Form(
        (Column("prefix", Kind.CODE), Column("sex", Kind.WORD, words=SEXES)), ("prefix",)
    ),
    "dx_age": Form((Column("prefix", Kind.CODE), *_AGES), ("prefix",), _AGE_NAMES),
    "px_dx": Form((Column("px", Kind.CODE), Column("dx", Kind.CODE)), ("px", "dx")),
    "front_page": Form(
        (
            Column("check", Kind.ID),
            Column("kind", Kind.ID),
            Column("cases", Kind.WORDS, words=("inpatient", "outpatient", "long_stay")),
            Column("condition", Kind.TEXT, required=False),
            Column("zh", Kind.TEXT),
            Column("en", Kind.TEXT),
            Column("needs_zh", Kind.TEXT, required=False),
            Column("needs_en", Kind.TEXT, required=False),
        ),
        ("row",),
        ("condition", "needs_zh"),
    ),
    "behaviour": Form(
        (
            Column("parameter", Kind.ID),
            Column("value", Kind.NUMBER),
            Column("unit", Kind.WORD, words=("days", "times", "share", "yuan", "fold", "hours")),
        ),
        ("parameter",),
    ),
    # The hospital's own rules: conditions of :mod:`codebooks.audit.own_rules`.
    "own": Form(
        (
            Column("applies", Kind.WORD, words=("line", "day", "item_day", "case", "item_case")),
            Column("condition", Kind.TEXT),
            Column("zh", Kind.TEXT),
            Column("en", Kind.TEXT),
        ),
        ("applies", "condition"),
    ),
    # What of a stay supports a diagnosis; ``names`` are parts of names of charged items, with bars.
    "support": Form(
        (
            Column("dx", Kind.PREFIXES),
            Column("px", Kind.PREFIXES, required=False),
            Column("names", Kind.TEXT),
        ),
        (),
    ),
    # Principal diagnoses beside those of less weight that they are known to take the place of.
    # Of a group less than ``fold`` times as heavy nothing is said; of so many ``signs`` it is suspect.
    "lesser": Form(
        (
            Column("dx", Kind.PREFIXES),
            Column("lesser", Kind.PREFIXES),
            Column("fold", Kind.NUMBER),
            Column("signs", Kind.COUNT),
        ),
        (),
    ),
    "kept": Form(
        (
            Column("item", Kind.ITEM, required=False),
            Column("limit", Kind.TEXT),
            Column("text", Kind.TEXT),
            Column("reason", Kind.ID),
        ),
        (),
    ),
}
"""Every table of a book. ``kept``: rows that no template can judge, each with its reason."""


def item_columns(table: str) -> tuple[str, ...]:
    """The columns of a table that hold item codes."""
    return tuple(one.name for one in FORMS[table].columns if one.kind is Kind.ITEM)


def schema(table: str) -> pa.Schema:
    """The Arrow schema of a table as the loader gives it.

    A table with one column ``item`` has ``match`` too: ``whole``, or ``prefix`` where the item is
    the beginning of a national drug code (11 or 12 characters).
    """
    fields = [(one.name, ARROW[one.kind]) for one in (*HEAD, *FORMS[table].columns)]
    if "item" in item_columns(table):
        fields.append(("match", pa.string()))
    return pa.schema(fields + [(one.name, ARROW[one.kind]) for one in TAIL])
