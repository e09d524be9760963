"""The hospital's own rules asked of one case, in plain Python: the other reading of the same rows.

``queries.py`` asks DuckDB; both say the same (``tests/test_audit_own.py``).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.audit.evaluate import holds
from codebooks.audit.own_rules import BY_DAY, BY_ITEM, CASE, LINE, own_types
from codebooks.folding import fold_code
from grouper.audit.own.queries import EVIDENCE, UNIT, days, shown_facts
from grouper.case.dates import DAY_SECONDS, EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from codebooks.audit.evaluate import One
    from codebooks.audit.expression import Node
    from codebooks.audit.own_rules import OwnRow

_QUANTITY, _FEN = Decimal("0.0001"), Decimal("0.01")
_NOTHING = Decimal(0)
_HOUR = 3_600


@dataclass(frozen=True, slots=True)
class OneLine:
    """A line after refunds.

    Attributes:
        line: number within the case.
        item: national code.
        kind: class of the settlement list; 0: none that is known.
        scope: A, B, C.
        quantity: ten-thousandths; 0: not stated.
        amount: fen.
        second: of the local clock since 1970.
        department: of the line.
        physician: of the line.
    """

    line: int
    item: str | None
    kind: int
    scope: str | None
    quantity: int
    amount: int
    second: int | None
    department: str | None
    physician: str | None

    @property
    def day(self) -> int | None:
        """Since 1970."""
        return None if self.second is None else self.second // DAY_SECONDS


@dataclass(frozen=True, slots=True)
class OneStay:
    """A case.

    Attributes:
        first_day, last_day: since 1970.
        department, physician: what stands for a line that states none.
        words: the facts of the case that are words, by name; the principal diagnosis among them.
        numbers: those that are numbers, by name.
        dx, px: the codes that are stated, in their order.
        charged: whether the case has any line at all, cancelled ones too.
    """

    first_day: int | None
    last_day: int | None
    department: str | None
    physician: str | None
    words: Mapping[str, str | None]
    numbers: Mapping[str, Decimal | int | None]
    dx: Sequence[str]
    px: Sequence[str]
    charged: bool


@dataclass(frozen=True, slots=True)
class Hit:
    """What a row found.

    Attributes:
        lines: at fault; none where the row speaks of the case alone.
        items: of these lines, ascending.
        day: since 1970.
        observed, allowed: ten-thousandths of the fact that is measured.
        unit: key of its words.
        amount: fen.
        evidence: key and value.
    """

    lines: tuple[OneLine, ...]
    items: tuple[str, ...]
    day: int | None
    observed: int | None
    allowed: int | None
    unit: str | None
    amount: int
    evidence: tuple[tuple[str, str], ...]


class _Facts:
    """The facts of a case, of a line of it, or of a group of lines (:class:`OneCase`)."""

    def __init__(
        self,
        stay: OneStay,
        every: Sequence[OneLine],
        line: OneLine | None = None,
        group: Sequence[OneLine] = (),
    ) -> None:
        self._stay, self._every, self._line, self._group = stay, every, line, group

    def value(self, fact: str) -> One:
        """A single value; None: missing."""
        stay = self._stay
        if fact == "principal":
            code = stay.words["principal"]
            return None if code is None else fold_code(code)
        if fact in stay.words:
            return stay.words[fact]
        if fact in {"admission", "discharge"}:
            return _date(stay.first_day if fact == "admission" else stay.last_day)
        if fact == "los":
            both = stay.first_day is not None and stay.last_day is not None
            return Decimal((stay.last_day or 0) - (stay.first_day or 0)) if both else None
        if fact in stay.numbers:
            number = stay.numbers[fact]
            return None if number is None else Decimal(number)
        return self._of_line(self._line, fact) if self._line else self._of_group(fact)

    def _of_line(self, line: OneLine, fact: str) -> One:
        stay, day = self._stay, line.day
        found: dict[str, One] = {
            "item": line.item,
            "class": str(line.kind) if line.kind else None,
            "scope": line.scope,
            "quantity": line.quantity * _QUANTITY if line.quantity else None,
            "amount": line.amount * _FEN,
            "day": _date(day),
            "hour": None if line.second is None else Decimal(line.second % DAY_SECONDS // _HOUR),
            "stay_day": None
            if day is None or stay.first_day is None
            else Decimal(day - stay.first_day + 1),
            "department": line.department or stay.department,
            "physician": line.physician or stay.physician,
        }
        return found[fact]

    def _of_group(self, fact: str) -> One:
        group = self._group
        numbers: dict[str, Decimal | int] = {
            "sum_quantity": sum(line.quantity for line in group) * _QUANTITY,
            "sum_amount": sum(line.amount for line in group) * _FEN,
            "count_lines": len(group),
            "count_days": len({line.day for line in group} - {None}),
            "count_items": len({line.item for line in group} - {None}),
        }
        return Decimal(numbers[fact])

    def members(self, fact: str) -> tuple[tuple[str, Decimal], ...]:
        """The members of a list."""
        found: Iterable[str]
        if fact in {"dx", "px"}:
            found = map(fold_code, self._stay.dx if fact == "dx" else self._stay.px)
        else:
            day = self._line.day if self._line else None
            lines = self._every
            if fact == "day_items":
                lines = [line for line in lines if line.day == day and day is not None]
            found = sorted({line.item for line in lines if line.item is not None})
        return tuple((one, _NOTHING) for one in found)

    def many(self, fact: str) -> bool:
        """Whether the fact is a list."""
        return own_types()[fact].many


def hits(row: OwnRow, stay: OneStay, lines: Sequence[OneLine]) -> list[Hit]:
    """What a row finds in a case.

    Args:
        row: of the table ``own``.
        stay: the case.
        lines: those that stand after refunds.
    """
    condition = row.condition
    if condition.of_lines and not stay.charged:
        return []
    if row.applies == CASE and not condition.lines and not condition.groups:
        alone = _in_force(row, _last(stay)) and _all(condition.cases, _Facts(stay, lines))
        return [_hit(row, stay, lines, ())] if alone else []
    fit = [
        line
        for line in lines
        if _in_force(row, line.day) and _all(condition.lines, _Facts(stay, lines, line))
    ]
    groups = _grouped(row.applies, fit)
    if row.applies == CASE and condition.groups and not groups and _in_force(row, _last(stay)):
        groups = [[]]
    about = (*condition.groups, *condition.cases)
    return [
        _hit(row, stay, lines, group)
        for group in groups
        if _all(about, _Facts(stay, lines, None, group))
    ]


def _grouped(applies: str, lines: Sequence[OneLine]) -> list[list[OneLine]]:
    found = defaultdict(list)
    for line in lines:
        item, day = applies in BY_ITEM, applies in BY_DAY
        if applies != LINE and ((item and line.item is None) or (day and line.day is None)):
            continue
        found[line.item if item else None, line.day if day else None].append(line)
    return list(found.values())


def _all(parts: Sequence[Node], facts: _Facts) -> bool:
    return all(holds(part, facts) for part in parts)


def _in_force(row: OwnRow, day: int | None) -> bool:
    since, until = days(row)
    return day is None or since <= day < until


def _last(stay: OneStay) -> int | None:
    return stay.first_day if stay.last_day is None else stay.last_day


def _hit(row: OwnRow, stay: OneStay, lines: Sequence[OneLine], group: Sequence[OneLine]) -> Hit:
    facts = _Facts(stay, lines, None, group)
    condition = row.condition
    # Of a whole case the lines are told only where the row says which.
    told = () if row.applies == CASE and not condition.lines else tuple(group)
    measured = condition.measured
    observed = allowed = unit = None
    if measured is not None and isinstance(measured.value, Decimal):
        value = facts.value(measured.fact)
        observed = int(value.scaleb(4)) if isinstance(value, Decimal) else None
        allowed, unit = int(measured.value.scaleb(4)), UNIT + measured.fact
    known = [line.day for line in told if line.day is not None]
    return Hit(
        lines=tuple(sorted(told, key=lambda line: line.line)),
        items=tuple(sorted({line.item for line in told if line.item is not None})),
        day=min(known, default=None) if told else stay.first_day,
        observed=observed,
        allowed=allowed,
        unit=unit,
        amount=sum(line.amount for line in told),
        evidence=tuple(
            (EVIDENCE + fact, _shown(facts.value(fact))) for fact in dict.fromkeys(shown_facts(row))
        ),
    )


def _shown(value: One) -> str:
    if value is None:
        return ""
    return f"{value.normalize():f}" if isinstance(value, Decimal) else str(value)


def _date(day: int | None) -> date | None:
    return None if day is None else EPOCH + timedelta(days=day)
