"""The hospital's own rules: conditions on lines, on what several lines come to, and on the case.

The form is that of :mod:`codebooks.audit.expression`; the facts that may be asked stand in
``codebooks/data/audit/own_facts.csv`` with type, scope and what literals must look like. A fact's
scope says of what it is: of one charge ``line``; of the ``group`` of lines that fit (a sum, a
number); of the ``case``. The parts of a condition that are joined by ``and`` are sorted by that:

1. the lines are those for which every part about lines holds;
2. they are put together as the row's ``applies`` says: ``line`` and ``item_case`` by item of the
   case, ``day`` by day, ``item_day`` by item and day, ``case`` all of the case;
3. a finding is a group for which every part about groups holds, in a case for which every part
   about the case holds.

One part cannot ask about lines and groups at once: it would not say which lines are summed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.audit.expression import (
    Ask,
    Both,
    Compare,
    Reckon,
    Type,
    asked_in,
    facts_of,
    parse,
)
from codebooks.errors import CodebookError, Where
from codebooks.messages import language
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    import pyarrow as pa

    from codebooks.audit.expression import Node
    from codebooks.audit.reading import Read

FACTS = "own_facts.csv"
TABLE = "own"
LINE, GROUP, CASE = "line", "group", "case"
APPLIES = ("line", "day", "item_day", "case", "item_case")
"""What a row judges: see above. A column ``applies`` holds one of them."""
BY_ITEM, BY_DAY = frozenset({"line", "item_day", "item_case"}), frozenset({"day", "item_day"})
ANYTHING = r"(?s:.*)"
ALL_OF = "items"
"""The fact that asks about all lines of the case, though it is one of the case."""


@dataclass(frozen=True, slots=True)
class OwnFact:
    """A fact that conditions of own rules may ask.

    Attributes:
        name: as it is written.
        type: what it holds.
        scope: ``line``, ``group`` or ``case``.
        field: what cases or lines must state; empty: nothing.
        pattern: what a literal that it is held equal to must look like.
        names: what it is, by language.
    """

    name: str
    type: Type
    scope: str
    field: str
    pattern: re.Pattern[str]
    names: Mapping[str, str]

    def says(self, lang: str | None = None) -> str:
        """What it is, in one language."""
        return self.names[lang or language()]


@dataclass(frozen=True, slots=True)
class OwnCondition:
    """A condition by its parts, each part a condition that must hold.

    Attributes:
        lines: about lines.
        groups: about groups of lines.
        cases: about the case.
    """

    lines: tuple[Node, ...]
    groups: tuple[Node, ...]
    cases: tuple[Node, ...]

    @property
    def parts(self) -> tuple[Node, ...]:
        """All parts."""
        return (*self.lines, *self.groups, *self.cases)

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that it asks about, each once."""
        return tuple(dict.fromkeys(fact for part in self.parts for fact in facts_of(part)))

    @property
    def of_lines(self) -> bool:
        """Whether it asks about lines in any way."""
        return bool(self.lines or self.groups) or ALL_OF in self.facts

    @property
    def measured(self) -> Compare | None:
        """The comparison with a number that a finding tells: of the group, else of the case."""
        for part in (*self.groups, *self.cases):
            if isinstance(part, Compare) and isinstance(part.value, Decimal):
                return part
        return None


@dataclass(frozen=True, slots=True)
class OwnRow:
    """One row of the table ``own``.

    Attributes:
        row, rule, level: its id, its rule's, and the level of its findings.
        applies: one of :data:`APPLIES`.
        condition: what is wrong.
        words: what is wrong, by language.
        valid_from, valid_to: half-open.
    """

    row: str
    rule: str
    level: str
    applies: str
    condition: OwnCondition
    words: Mapping[str, str]
    valid_from: date
    valid_to: date | None


@cache
def own_facts() -> Mapping[str, OwnFact]:
    """Every fact, by name, in the order of the file."""
    path = paths.shipped() / "audit" / FACTS
    found = {}
    for row in read_rows(path, ("fact", "type", "scope", "field", "pattern", "zh", "en")):
        cells = row.cells
        found[cells["fact"]] = OwnFact(
            cells["fact"],
            Type(cells["type"]),
            cells["scope"],
            cells["field"],
            re.compile(cells["pattern"] or ANYTHING, re.ASCII),
            {"zh": cells["zh"], "en": cells["en"]},
        )
    return found


@cache
def own_types() -> Mapping[str, Type]:
    """The type of every fact."""
    return {name: fact.type for name, fact in own_facts().items()}


def read_own(text: str, applies: str, where: Where | None = None) -> OwnCondition:
    """Read the condition of a row and hold it against its form.

    Args:
        text: the condition.
        applies: one of :data:`APPLIES`.
        where: its place, for the errors.

    Raises:
        CodebookError: as :func:`codebooks.audit.expression.parse`; ``AUDIT_OWN_VALUE`` (a literal
            that the fact can never hold), ``AUDIT_OWN_MIXED`` (one part asks about lines and about
            groups), ``AUDIT_OWN_APPLIES`` (groups where lines are judged one by one, or lines
            without any part about them).
    """
    at = where or Where()
    node = parse(text, own_types(), at)
    for test in asked_in(node):
        _literals(test, at)
    sorted_: dict[str, list[Node]] = {LINE: [], GROUP: [], CASE: []}
    for part in _parts(node):
        scopes = {own_facts()[fact].scope for fact in facts_of(part)}
        if {LINE, GROUP} <= scopes:
            raise CodebookError("AUDIT_OWN_MIXED", at, found=", ".join(facts_of(part)))
        scope = LINE if LINE in scopes else GROUP if GROUP in scopes else CASE
        sorted_[scope].append(part)
    found = OwnCondition(*(tuple(sorted_[scope]) for scope in (LINE, GROUP, CASE)))
    lone = applies == LINE and (found.groups or not found.lines)
    if lone or (applies != CASE and not found.lines and not found.groups):
        raise CodebookError("AUDIT_OWN_APPLIES", at, found=applies)
    return found


def check_own(rows: Mapping[str, Read], refuse: Callable[[CodebookError], None]) -> dict[str, Read]:
    """Hold the rows of the table ``own`` against the form, each at its place.

    Args:
        rows: as they were read, by id.
        refuse: gets the error of each row that is not of the form: as of :func:`read_own`.

    Returns:
        The rows that are of the form.
    """
    found = {}
    for key, read in rows.items():
        values = read.values
        try:
            read_own(str(values["condition"]), str(values["applies"]), read.row.at("condition"))
            found[key] = read
        except CodebookError as error:
            refuse(error)
    return found


def own_rows(table: pa.Table) -> list[OwnRow]:
    """The rows of the table ``own`` of a book, in its order.

    Raises:
        CodebookError: as :func:`read_own`, with the row's id as its file.
    """
    return [
        OwnRow(
            row=row["row"],
            rule=row["rule"],
            level=row["level"],
            applies=row["applies"],
            condition=read_own(
                row["condition"],
                row["applies"],
                Where(file=f"{TABLE}/{row['row']}", column="condition"),
            ),
            words={"zh": row["zh"], "en": row["en"]},
            valid_from=row["valid_from"],
            valid_to=row["valid_to"],
        )
        for row in table.to_pylist()
    ]


def _parts(node: Node) -> Iterator[Node]:
    """What is joined by ``and``, brackets aside."""
    if isinstance(node, Both):
        for part in node.of:
            yield from _parts(part)
    else:
        yield node


def _literals(test: object, at: Where) -> None:
    """Refuse literals that a fact can never hold: such a rule would be silent for ever."""
    if isinstance(test, Compare) and test.op in {"=", "!="} and test.value is not None:
        # A number as it is written without noughts behind the point.
        value = test.value
        shown = f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)
        _literal(test.fact, shown, at)
    elif isinstance(test, Ask | Reckon) and test.matches.how == "in":
        for item in test.matches.items:
            for end in item.split("-") if test.matches.coded else (item,):
                _literal(test.fact, end, at)


def _literal(fact: str, found: str, at: Where) -> None:
    if not own_facts()[fact].pattern.fullmatch(found):
        raise CodebookError("AUDIT_OWN_VALUE", at, found=found, fact=fact)
