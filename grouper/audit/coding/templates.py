"""The templates on codes: sex and age of a diagnosis, sex of a procedure, procedure and diagnosis.

Prefixes of the book compare with the beginning of a code; procedures and diagnoses of the whitelist
compare as whole codes, as the source lists them.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from codebooks.audit.forms import SEXES
from codebooks.folding import fold_code
from grouper.audit.coding.columns import PARTS
from grouper.audit.coding.findings import Found

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa

    from grouper.audit.coding.columns import Lists
    from grouper.audit.coding.facts import Facts

    Row = Mapping[str, object]

_VERIFY = "verify"


def sexes(table: pa.Table, of: str, facts: Facts) -> Iterator[Found]:
    """Codes that belong to the other sex.

    Args:
        table: ``px_sex`` or ``dx_sex`` of a book.
        of: ``px`` or ``dx``.
        facts: of the cases.
    """
    sex = facts.scalars("sex")
    # Of a person whose sex is not clear (0, 9) nothing is said.
    clear = {int(one) * PARTS for one in SEXES}
    for row, code, at in _hits(table, facts.lists(of)):
        own = int(sex.values[at])
        if sex.known[at] and own in clear and own != int(str(row["sex"])) * PARTS:
            evidence = (("sex", str(own // PARTS)),)
            yield _found(row, facts, at, of, (code,), evidence)


def ages(table: pa.Table, facts: Facts) -> Iterator[Found]:
    """Diagnoses outside the age they belong to."""
    years, days = facts.scalars("age"), facts.scalars("days_old")
    for row, code, at in _hits(table, facts.lists("dx")):
        for unit, value in (("years", years), ("days", days)):
            if not value.known[at]:
                continue
            age = Decimal(int(value.values[at])) / PARTS
            limit = _broken(row, unit, age)
            if limit is not None:
                evidence = (("age" if unit == "years" else "days_old", f"{age.normalize():f}"),)
                found = _found(row, facts, at, "dx", (code,), evidence, (age, limit, unit))
                yield found
                break


def _broken(row: Row, unit: str, age: Decimal) -> Decimal | None:
    least, most = row[f"least_{unit}"], row[f"most_{unit}"]
    if least is not None and age < Decimal(str(least)):
        return Decimal(str(least))
    if most is not None and age > Decimal(str(most)):
        return Decimal(str(most))
    return None


def allowed(table: pa.Table, facts: Facts) -> Iterator[Found]:
    """Main procedures whose principal diagnosis is not among those the book allows.

    A whitelist: the finding is that the diagnosis is *not* listed. Where an extension of the
    diagnosis is (K35.800x001 of K35.800), it is only to be verified. A case without a principal
    diagnosis is none of it.
    """
    listed: dict[str, set[str]] = {}
    first: dict[str, Row] = {}
    for row in table.to_pylist():
        px = fold_code(str(row["px"]))
        listed.setdefault(px, set()).add(fold_code(str(row["dx"])))
        first.setdefault(px, row)
    main, principal = facts.words("main_px"), facts.words("principal")
    asked = np.array([*(word in listed for word in main.words), False], bool)[main.at]
    for at in np.flatnonzero(asked & (principal.at >= 0)).tolist():
        px, dx = main.words[main.at[at]], principal.words[principal.at[at]]
        if dx not in listed[px]:
            told = facts.tables.official("dx", dx)
            evidence = [("principal", told), ("allowed", str(len(listed[px])))]
            near = min((code for code in listed[px] if code.startswith(dx)), default=None)
            row = first[px]
            if near is not None:
                # The list has an extension of this very code: it may be but coded too coarsely.
                evidence.append(("extension", facts.tables.official("dx", near)))
                row = {**row, "level": _VERIFY}
            yield _found(row, facts, at, "px", (px,), tuple(evidence), more=(told,))


def _hits(table: pa.Table, lists: Lists) -> Iterator[tuple[Row, str, int]]:
    """Rows of the book, codes that begin with their prefix, and the cases that have them."""
    by_prefix: dict[str, list[Row]] = {}
    for row in table.to_pylist():
        by_prefix.setdefault(fold_code(str(row["prefix"])), []).append(row)
    rows_of = [_longest(word, by_prefix) for word in lists.words]
    asked = lists.chosen_at(np.array([bool(rows) for rows in rows_of], bool))
    for place in asked.tolist():
        for row in rows_of[lists.at[place]]:
            yield row, lists.words[lists.at[place]], int(lists.row[place])


def _longest(word: str, by_prefix: Mapping[str, list[Row]]) -> list[Row]:
    """The rows of the longest prefix of a code: what is said of it itself goes before its kind."""
    for end in range(len(word), 0, -1):
        if word[:end] in by_prefix:
            return by_prefix[word[:end]]
    return []


def _found(
    row: Row,
    facts: Facts,
    at: int,
    of: str,
    codes: tuple[str, ...],
    evidence: tuple[tuple[str, str], ...],
    numbers: tuple[Decimal, Decimal, str] | None = None,
    more: tuple[str, ...] = (),
) -> Found:
    official = (*(facts.tables.official(of, code) for code in codes), *more)
    observed, limit, unit = numbers or (None, None, None)
    return Found(
        at=at,
        rule=str(row["rule"]),
        row=str(row["row"]),
        level=str(row["level"]),
        codes=official,
        evidence=((of, official[0]), *evidence),
        observed=observed,
        allowed=limit,
        unit=unit,
        alike=tuple(sorted(official)),
    )


TEMPLATES: Mapping[str, Callable[[pa.Table, Facts], Iterable[Found]]] = {
    "px_sex": lambda table, facts: sexes(table, "px", facts),
    "dx_sex": lambda table, facts: sexes(table, "dx", facts),
    "dx_age": ages,
    "px_dx": allowed,
}
"""The template of each table on codes."""
