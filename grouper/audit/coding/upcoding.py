"""The upcoding watch: diagnoses that lift the group and that nothing in the stay supports.

Two questions, each only in one direction: whether a code that raises the payment group is borne
out by what was done. What would raise it is never looked for.

1. *Complications.* The case is grouped without those of its other diagnoses that have a row in the
   table ``support`` and for which neither an item charged nor a procedure stands. Where it then
   falls into a group of less weight (or of a lower level of the same ADRG), each of them that alone
   would lift it again is suspect.
2. *Principal diagnosis.* Where the patient was admitted with an illness that the table ``lesser``
   knows to be written up into the principal diagnosis, the case is grouped by the diagnosis of
   admission; where that group weighs less, the principal diagnosis is suspect if nothing supports
   it, and to be verified if something does.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np

from codebooks.audit.expression import Matches
from codebooks.folding import fold_code
from grouper.audit.coding.columns import PARTS
from grouper.audit.coding.findings import Found
from grouper.audit.coding.regroup import own_dx, placed
from grouper.case.dates import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    import pyarrow as pa
    from numpy.typing import NDArray

    from codebooks.audit.books import AuditBook
    from grouper.audit.coding.columns import Lists
    from grouper.audit.coding.facts import Facts
    from grouper.audit.coding.regroup import Placed
    from grouper.run.choose import Chooser

    Answers = NDArray[np.bool_]

SUPPORT, LESSER = "support", "lesser"
_VERIFY = "verify"


@dataclass(frozen=True, slots=True)
class Support:
    """What supports some diagnoses.

    Attributes:
        row, rule, level: of the book.
        dx: how their codes begin.
        names: parts of the names of items that support them.
        px: how the codes of procedures begin that do.
    """

    row: str
    rule: str
    level: str
    dx: Matches
    names: Matches
    px: Matches


class Supports:
    """The table ``support`` asked of cases."""

    def __init__(self, table: pa.Table, facts: Facts) -> None:
        self.rows = [_support(row) for row in table.to_pylist()]
        self._facts = facts
        self._backed: dict[str, Answers] = {}

    def of(self, code: str) -> Support | None:
        """The first row that speaks of a code; None: nothing is known of what supports it."""
        return next((row for row in self.rows if row.dx.fits(code)), None)

    def backed(self, row: Support, at: int) -> bool:
        """Whether an item charged or a procedure of a case supports the diagnoses of a row."""
        if row.row not in self._backed:
            found = np.zeros(self._facts.count, bool)
            for lists, matches in (
                (self._facts.lists("line_name"), row.names),
                (self._facts.lists("px"), row.px),
            ):
                found[lists.row[lists.chosen(matches.fits)]] = True
            self._backed[row.row] = found
        return bool(self._backed[row.row][at])


def _support(row: Mapping[str, object]) -> Support:
    names = tuple(part for part in str(row["names"]).split("|") if part)
    return Support(
        str(row["row"]),
        str(row["rule"]),
        str(row["level"]),
        prefixes(row["dx"]),
        Matches("has", names, coded=False),
        prefixes(row["px"]),
    )


def prefixes(value: object) -> Matches:
    """The prefixes of a cell of the book, as codes compare with them."""
    items = [fold_code(str(one)) for one in value] if isinstance(value, list | tuple) else []
    return Matches("in", tuple(items), coded=True)


def watch(
    book: AuditBook, facts: Facts, chooser: Chooser, price: Decimal | None = None
) -> Iterator[Found]:
    """The findings of both questions, for cases that have charge lines.

    Args:
        book: with the tables ``support`` and ``lesser``.
        facts: of the cases.
        chooser: how the scheme of a case is chosen.
        price: what a stay costs for one unit of weight, in yuan, such as last year's mean; None:
            costs are no sign.
    """
    charged = facts.scalars("lines_total").known
    supports = Supports(book.tables[SUPPORT], facts)
    yield from _complications(supports, facts, chooser, charged)
    yield from _principals(book.tables[LESSER], supports, facts, chooser, price)


def _complications(
    supports: Supports, facts: Facts, chooser: Chooser, charged: Answers
) -> Iterator[Found]:
    others = facts.lists("other_dx")
    told = _answers(others, supports)
    bare: dict[int, dict[str, Support]] = {}
    for at, place in zip(others.row.tolist(), others.at.tolist(), strict=True):
        support = told[place]
        if support is not None and charged[at] and not supports.backed(support, at):
            bare.setdefault(at, {})[others.words[place]] = support
    rows = list(bare)
    written = dict(zip(rows, own_dx(facts.cases, rows), strict=True))
    # Two unsupported codes must not hide each other: each is weighed against a case without both.
    none = [_kept(written[at], bare[at]) for at in rows]
    without = dict(zip(rows, placed(facts.cases, rows, none, chooser), strict=True))
    now = dict(zip(rows, placed(facts.cases, rows, None, chooser), strict=True))
    asked = [
        (at, word, support)
        for at in rows
        if now[at].above(without[at])
        for word, support in bare[at].items()
    ]
    single = [_kept(written[at], bare[at].keys() - {word}) for at, word, _ in asked]
    alone = placed(facts.cases, [at for at, _, _ in asked], single, chooser)
    for (at, word, support), one in zip(asked, alone, strict=True):
        if one.above(without[at]):
            code = facts.tables.official("dx", word)
            yield Found(
                at=at,
                rule=support.rule,
                row=support.row,
                level=support.level,
                codes=(code,),
                evidence=(("dx", code), *_groups(now[at], without[at]), *_unsupported(support)),
                alike=(code,),
            )


def _kept(dx: list[str | None], unsupported: Collection[str]) -> list[str | None]:
    """Diagnoses without some of the others; the principal one stays."""
    rest = [code for code in dx[1:] if code is None or fold_code(code) not in unsupported]
    return [dx[0], *rest]


def _answers(lists: Lists, supports: Supports) -> list[Support | None]:
    return [supports.of(word) for word in lists.words]


def _principals(
    table: pa.Table, supports: Supports, facts: Facts, chooser: Chooser, price: Decimal | None
) -> Iterator[Found]:
    principal, admission = facts.words("principal"), facts.words("admission_dx")
    asked = facts.scalars("lines_total").known & _is(facts, "kind", "inpatient")
    for row in table.to_pylist():
        high, low = prefixes(row["dx"]), prefixes(row["lesser"])
        fit = np.array([*(high.fits(word) for word in principal.words), False], bool)
        lesser = np.array([*(low.fits(word) for word in admission.words), False], bool)
        rows = np.flatnonzero(fit[principal.at] & lesser[admission.at] & asked).tolist()
        instead: list[list[str | None]] = [
            [admission.words[admission.at[at]], *dx[1:]]
            for at, dx in zip(rows, own_dx(facts.cases, rows), strict=True)
        ]
        pairs = zip(
            rows,
            placed(facts.cases, rows, None, chooser),
            placed(facts.cases, rows, instead, chooser),
            strict=True,
        )
        for at, now, less in pairs:
            if now.above(less) and _heavier(now, less, row["fold"]):
                found = _principal(row, supports, facts, at, (now, less), price)
                if found is not None:
                    yield found


def _heavier(now: Placed, less: Placed, fold: Decimal) -> bool:
    """Whether a group is so many times as heavy; without weights the level has said so."""
    if now.weight is None or less.weight is None:
        return True
    return now.weight >= fold * less.weight


def _principal(
    row: Mapping[str, object],
    supports: Supports,
    facts: Facts,
    at: int,
    places: tuple[Placed, Placed],
    price: Decimal | None,
) -> Found | None:
    principal, admission = facts.words("principal"), facts.words("admission_dx")
    word = principal.words[principal.at[at]]
    support = supports.of(word)
    signs: list[tuple[str, str]] = []
    if support is not None and not supports.backed(support, at):
        signs += _unsupported(support)
    if not _revised(facts, at):
        signs.append(("revised", "0"))
    signs += _cheap(facts, at, places, price)
    if not signs:
        return None
    code = facts.tables.official("dx", word)
    said = facts.tables.official("dx", admission.words[admission.at[at]])
    enough = len(signs) >= int(str(row["signs"]))
    return Found(
        at=at,
        rule=str(row["rule"]),
        row=str(row["row"]),
        level=str(row["level"]) if enough else _VERIFY,
        codes=(code,),
        evidence=(("principal", code), ("admission_dx", said), *_groups(*places), *signs),
        alike=(code,),
    )


def _revised(facts: Facts, at: int) -> bool:
    """Whether the principal diagnosis is dated after the day of admission."""
    dated, admitted = facts.scalars("principal_time"), facts.scalars("admission_time")
    if not dated.known[at] or not admitted.known[at]:
        return False
    return bool(dated.values[at] // DAY_SECONDS > admitted.values[at] // DAY_SECONDS)


def _cheap(
    facts: Facts, at: int, places: tuple[Placed, Placed], price: Decimal | None
) -> list[tuple[str, str]]:
    """That the cost lies nearer to the lesser group's: below the geometric mean of both."""
    now, less = places
    cost = facts.scalars("total_cost")
    if price is None or now.weight is None or less.weight is None or not cost.known[at]:
        return []
    spent = Decimal(int(cost.values[at])) / PARTS
    if spent * spent >= now.weight * less.weight * price * price:
        return []
    expected = (price * now.weight).quantize(Decimal("0.01"))
    return [("cost", f"{spent:.2f} < {expected}")]


def _is(facts: Facts, name: str, word: str) -> Answers:
    words = facts.words(name)
    return np.array([*(one == word for one in words.words), False], bool)[words.at]


def _groups(now: Placed, less: Placed) -> tuple[tuple[str, str], ...]:
    told = [("group", now.group or ""), ("group_without", less.group or "")]
    if now.weight is not None and less.weight is not None:
        told += [
            ("weight", f"{now.weight.normalize():f}"),
            ("weight_without", f"{less.weight.normalize():f}"),
        ]
    return tuple(told)


def _unsupported(support: Support) -> tuple[tuple[str, str], ...]:
    return (("not_charged", "、".join(support.names.items)),)
