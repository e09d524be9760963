"""The engine for one case: an order, or a stay as it stands, against a rule book.

::

    book = compiled(audit_book(), context=Context(levels={"H1": "III"}))
    book.warm()                                   # once, when the service starts
    checked = examine(book, case, lines)          # findings, and what could not be judged
    check(book, case, lines, moment="stay", only_proposed=False)
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any

from grouper.audit.context import Context
from grouper.audit.order import of_case, sums
from grouper.audit.order.by_item import (
    age,
    attached,
    excluded,
    indication,
    insurance,
    level,
    second_line,
    sex,
    visit,
)
from grouper.audit.order.catalogue import SaidOf, catalogue
from grouper.audit.order.facts import facts_of
from grouper.audit.order.index import Index, index_of
from grouper.audit.order.lines import entries
from grouper.audit.order.own import own
from grouper.audit.order.pairs import pairs
from grouper.audit.order.prices import Prices
from grouper.audit.order.refunds import standing
from grouper.audit.order.surgery import surgery
from grouper.audit.order.uncoded import Uncoded, uncoded_of
from grouper.audit.order.world import Asked, Found, World, finding
from grouper.audit.planning import NotRun, Plan, plan, without_shadow
from grouper.case.record import Case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from codebooks.audit.books import AuditBook
    from codebooks.catalogues.catalogue import Catalogues
    from grouper.audit.order.lines import Entry, Line

ORDER = "order"
WHOLE = "WHOLE"
"""Why a rule is not asked here: it needs other cases, too; key of the words ``audit_not_run.…``."""
_KEPT = 4
"""So many books are kept ready."""

JUDGES: dict[str, Callable[[World, Asked], Iterable[Found]]] = {
    "pairs": pairs,
    "quantity": sums.quantity,
    "cycle": sums.cycle,
    "course": sums.course,
    "sex": attached(sex),
    "age": attached(age),
    "insurance": attached(insurance),
    "level": attached(level),
    "visit": attached(visit),
    "excluded": attached(excluded),
    "indication": attached(indication),
    "second_line": attached(second_line),
    "surgery": surgery,
    "price": of_case.price,
    "duplicate_line": of_case.duplicate_line,
    "outside": of_case.outside,
    "line_information": of_case.line_information,
    "hanging": of_case.hanging,
    "low_admission": of_case.low_admission,
    "catalogue": catalogue,
    "own": own,
}
"""The templates that one case is enough for, by their names in ``templates.toml``."""


@dataclass(slots=True)
class _Shelf:
    """A book and what is made of it when it is first asked for.

    Attributes:
        given: the book as it was handed in.
        book: what is asked of it, without rows in shadow unless they are wanted.
        shadows: the rules of which rows are left out.
        index: its rows by item.
        said, prices, ceilings: what is said of items by what was handed in last.
        lock: held while the index is made.
    """

    given: AuditBook
    book: AuditBook
    shadows: tuple[NotRun, ...]
    index: Index | None = None
    said: SaidOf = field(default_factory=lambda: SaidOf(None))
    prices: Prices = field(default_factory=lambda: Prices({}))
    ceilings: Prices = field(default_factory=lambda: Prices({}))
    lock: Lock = field(default_factory=Lock)

    def rows(self) -> Index:
        """The rows by item, made at the first call."""
        if self.index is None:
            with self.lock:
                if self.index is None:
                    self.index = index_of(self.book)
        return self.index

    def said_of(self, catalogues: Catalogues | None) -> SaidOf:
        """What catalogues say; of the same ones what was asked before is kept."""
        said = self.said
        if said.catalogues is not catalogues:
            said = self.said = SaidOf(catalogues)
        return said

    def prices_of(self, context: Context) -> tuple[Prices, Prices]:
        """Full prices and ceilings; of the same ones what was asked before is kept."""
        prices, ceilings = self.prices, self.ceilings
        if prices.given is not context.prices:
            prices = self.prices = Prices(context.prices)
        if ceilings.given is not context.ceilings:
            ceilings = self.ceilings = Prices(context.ceilings)
        return prices, ceilings


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked at one moment.

    Attributes:
        asked: the templates by name.
        rules: all rules that are asked.
        not_run: the rules that are not, with the reason.
    """

    asked: Mapping[str, Asked]
    rules: frozenset[str]
    not_run: tuple[NotRun, ...]


class Compiled:
    """A book that answers for one case; any number of threads may ask it.

    Attributes:
        context: what is known beside; its ``moment`` and ``group_costs`` are not read.
    """

    def __init__(self, shelf: _Shelf, context: Context) -> None:
        self.context = context
        self._shelf = shelf
        self._prices, self._ceilings = shelf.prices_of(context)
        self._said = shelf.said_of(context.catalogue)
        self._moments: dict[str, Asking] = {}

    @property
    def book(self) -> AuditBook:
        """The book that is asked."""
        return self._shelf.given

    @property
    def rows(self) -> Index:
        """The rows of the book by item."""
        return self._shelf.rows()

    def warm(self, *moments: str) -> None:
        """Make ready what the first question would else wait for: the rows, and the catalogues at hand.

        Args:
            moments: to be asked for; none: ``order``.
        """
        self._said.warm()
        for moment in moments or (ORDER,):
            examine(self, Case(), [], moment=moment)

    def asking(self, moment: str) -> Asking:
        """Which rules are asked at a moment, and why the others are not."""
        known = self._moments.get(moment)
        if known is None:
            # Two threads may both make it: it is the same.
            known = self._moments[moment] = self._asking(moment)
        return known

    def _asking(self, moment: str) -> Asking:
        made: Plan = plan(
            self._shelf.book,
            moment,
            self.context.rules,
            hospital=self.context.own or self.context.shadow,
            shadow=self.context.shadow,
        )
        asked: dict[str, list[Any]] = {}
        not_run = list(made.absent)
        for template, rule in made.asked:
            if template.name in JUDGES:
                asked.setdefault(template.name, []).append(rule)
            else:
                not_run.append(NotRun(rule.rule, WHOLE, (), template.name))
        wanted = self.context.rules
        not_run += [one for one in self._shelf.shadows if wanted is None or one.rule in wanted]
        not_run.sort(key=lambda one: (one.rule, one.template or "", one.reason))
        return Asking(
            {name: Asked(tuple(rules)) for name, rules in asked.items()},
            made.rules,
            tuple(not_run),
        )

    def world(
        self,
        case: Case,
        every: Sequence[Entry],
        moment: str,
        levels: Mapping[str, str] | None,
        spoken: frozenset[str] | None = None,
    ) -> World:
        """A case ready to be asked, of all its items or of those that are ``spoken`` of."""
        stands = standing(every)
        by_item: dict[str, list[Entry]] = {}
        for line in stands.kept:
            if line.item is not None:
                by_item.setdefault(line.item, []).append(line)
        return World(
            case,
            facts_of(case, self.context.levels if levels is None else levels),
            stands,
            by_item,
            sorted(by_item if spoken is None else by_item.keys() & spoken),
            self.rows,
            self.asking(moment).rules,
            self._prices,
            self._ceilings,
            self._said,
        )


@dataclass(frozen=True, slots=True)
class Checked:
    """What was found of a case.

    Attributes:
        findings: rows of ``FINDING_SCHEMA`` as Python values, in the order of rule and first line.
        uncoded: what could not be judged, each with its reason.
    """

    findings: tuple[dict[str, Any], ...]
    uncoded: tuple[Uncoded, ...]


_shelves: OrderedDict[tuple[int, bool], _Shelf] = OrderedDict()
_shelving = Lock()


def compiled(book: AuditBook, *, context: Context | None = None) -> Compiled:
    """A book that answers for one case.

    Costs nearly nothing: the rows are made ready at the first question, or by
    :meth:`Compiled.warm`, once for a book (``audit_book()`` gives the same one until a file changes),
    whatever the context.

    Args:
        book: the rule book.
        context: what is known beside.
    """
    asked = context or Context()
    key = id(book), asked.shadow
    with _shelving:
        shelf = _shelves.get(key)
        if shelf is None:
            kept, shadows = (book, ()) if asked.shadow else without_shadow(book)
            # The book itself stays with it, so that no other one can get its id.
            shelf = _shelves[key] = _Shelf(book, kept, shadows)
        _shelves.move_to_end(key)
        while len(_shelves) > _KEPT:
            _shelves.popitem(last=False)
    return Compiled(shelf, asked)


def examine(
    ready: Compiled,
    case: Case,
    lines: Sequence[Line],
    *,
    moment: str = ORDER,
    levels: Mapping[str, str] | None = None,
    only_proposed: bool = True,
) -> Checked:
    """Check one case, and say what could not be judged.

    Args:
        ready: the book.
        case: whose lines they are; those that stand in it are not read.
        lines: all lines of the case that are charged, and the orders that are proposed.
        moment: ``order``, ``stay`` or ``upload``; rules that are not for it are not asked.
        levels: level of hospitals; None: those of the context.
        only_proposed: whether only what the proposed lines bring about is told: findings of which
            one is a line, and those that would not be there without them (an earlier line that must
            not stand beside an order); and only of proposed lines what could not be judged.

    Returns:
        Of the rules that one case is enough for, the same findings as
        :func:`grouper.audit.engine.audit` of this case alone, whatever the order of lines.

    Raises:
        AuditError: ``AUDIT_LINE``: a line that no case can hold.
    """
    every = entries(lines)
    rules = ready.asking(moment).rules
    spoken = _concerned(every, ready.rows, rules) if only_proposed else None
    world = ready.world(case, every, moment, levels, spoken)
    found = [
        (one, finding(one, world, ready.book.id, moment)) for one in _found(ready, world, moment)
    ]
    if only_proposed and not all(any(line.proposed for line in one.lines) for one, _ in found):
        # Only then can a finding be there without the orders, too.
        earlier = entries(line for line in lines if not line.proposed)
        before = ready.world(case, earlier, moment, levels, spoken)
        there = {
            finding(one, before, ready.book.id, moment)["finding"]
            for one in _found(ready, before, moment)
        }
        found = [(one, row) for one, row in found if row["finding"] not in there]
    rows = [row for _, row in found]
    rows.sort(key=lambda row: (row["rule"], *(row["lines"] or [0])[:1], row["finding"]))
    asked_of = [line for line in every if line.proposed or not only_proposed]
    return Checked(tuple(rows), uncoded_of(world, asked_of, ready.book.items))


def _found(ready: Compiled, world: World, moment: str) -> Iterator[Found]:
    for name, asked in ready.asking(moment).asked.items():
        yield from JUDGES[name](world, asked)


def _concerned(every: Sequence[Entry], rows: Index, rules: frozenset[str]) -> frozenset[str]:
    """The items whose findings orders can bring about: the others' are the same without them.

    Those that are ordered, those that may be at fault beside one of these, those that are charged in
    the same second as an order (a prescription of herbs), and beside an operation all operations.
    """
    ordered = {line.item for line in every if line.proposed and line.item is not None}
    seconds = {line.second for line in every if line.proposed and line.second is not None}
    others = {line.item for line in every if line.item is not None} - ordered
    found = {
        item for item in others if any(one.beside in ordered for one in rows.pairs.get(item, ()))
    }
    found |= {line.item for line in every if line.second in seconds and line.item is not None}
    operations = rows.rows["surgery"]
    if any(operations.of(item, rules) for item in ordered):
        found |= {item for item in others if operations.of(item, rules)}
    return frozenset(ordered | found)


def check(
    ready: Compiled,
    case: Case,
    lines: Sequence[Line],
    *,
    moment: str = ORDER,
    levels: Mapping[str, str] | None = None,
    only_proposed: bool = True,
) -> list[dict[str, Any]]:
    """The findings of :func:`examine`."""
    checked = examine(ready, case, lines, moment=moment, levels=levels, only_proposed=only_proposed)
    return list(checked.findings)
