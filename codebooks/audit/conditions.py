"""The conditions of a rule book, read: what a hospital's own file may ask of a case, and in what form.

The facts that conditions ask about stand in ``codebooks/data/audit/facts.csv``: name, type, and
what it is in Chinese and English.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from codebooks import paths
from codebooks.audit.expression import Type, parse
from codebooks.audit.reading import stop
from codebooks.errors import CodebookError, Where
from codebooks.messages import language
from codebooks.strict_csv import read_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from codebooks.audit.expression import Node
    from codebooks.audit.reading import Read

FACTS = "facts.csv"
TABLE = "front_page"


@dataclass(frozen=True, slots=True)
class Fact:
    """Something a condition may ask about: its name, what it holds, and its name in words."""

    name: str
    type: Type
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the case itself.

    Attributes:
        row: id of the row.
        rule: the rule whose findings it makes.
        check: the source's number of the check, such as ``QC018``.
        kind: what kind of check it is.
        level: of its findings.
        cases: the kinds of cases it holds for.
        condition: what is wrong; None: it cannot run.
        words: what is wrong, by language.
        needs: what is missing for it to run, by language; empty texts where it runs.
    """

    row: str
    rule: str
    check: str
    kind: str
    level: str
    cases: tuple[str, ...]
    condition: Node | None
    words: Mapping[str, str]
    needs: Mapping[str, str]

    def what(self, lang: str | None = None) -> str:
        """What is wrong, in one language."""
        return self.words[lang or language()]

    def missing(self, lang: str | None = None) -> str:
        """What is missing for it to run, in one language."""
        return self.needs[lang or language()]


@cache
def facts() -> Mapping[str, Fact]:
    """Every fact, by name, in the order of the file."""
    path = paths.shipped() / "audit" / FACTS
    found = {}
    for row in read_rows(path, ("fact", "type", "zh", "en")):
        cells = row.cells
        names = {"zh": cells["zh"], "en": cells["en"]}
        found[cells["fact"]] = Fact(cells["fact"], Type(cells["type"]), names)
    return found


@cache
def types() -> Mapping[str, Type]:
    """The type of every fact."""
    return {name: fact.type for name, fact in facts().items()}


def read_condition(text: str, where: Where | None = None) -> Node:
    """Read one condition on the facts there are.

    Raises:
        CodebookError: as :func:`codebooks.audit.expression.parse`.
    """
    return parse(text, types(), where)


def check_conditions(rows: Iterable[Read], refuse: Callable[[CodebookError], None] = stop) -> None:
    """Hold the conditions of the table ``front_page`` against the form, each at its place.

    Args:
        rows: as they were read.
        refuse: gets the error of each condition that is not of the form.

    Raises:
        CodebookError: as :func:`codebooks.audit.expression.parse`.
    """
    for read in rows:
        condition = read.values["condition"]
        if isinstance(condition, str):
            try:
                read_condition(condition, read.row.at("condition"))
            except CodebookError as error:
                refuse(error)


def checks_of(rows: pa.Table) -> Sequence[Check]:
    """The checks of the table ``front_page`` of a book, in its order.

    Raises:
        CodebookError: as :func:`codebooks.audit.expression.parse`, with the row's id as its file.
    """
    return [_check(row) for row in rows.to_pylist()]


def _check(row: Mapping[str, object]) -> Check:
    condition = str(row["condition"] or "")
    where = Where(file=f"{TABLE}/{row['row']}", column="condition")
    cases = row["cases"]
    return Check(
        row=str(row["row"]),
        rule=str(row["rule"]),
        check=str(row["check"]),
        kind=str(row["kind"]),
        level=str(row["level"]),
        cases=tuple(cases) if isinstance(cases, list) else (),
        condition=read_condition(condition, where) if condition else None,
        words={"zh": str(row["zh"]), "en": str(row["en"])},
        needs={"zh": str(row["needs_zh"] or ""), "en": str(row["needs_en"] or "")},
    )
