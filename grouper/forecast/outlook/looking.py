"""The outlook of a month and its year: point values, and what the fund will owe the hospital.

What is closed is exact; running cases come with their forecasts; cases still to come are drawn from
the volume and the mix of the months before. All are valued at the point values drawn together with
them, so that a month with many cases also has the point value of such a month.
"""

from __future__ import annotations

import calendar
import hashlib
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from codebooks.policies.yaml_nodes import PolicyError
from grouper.forecast.outlook.cases import BASE, MEASURES, at_value
from grouper.forecast.outlook.figures import figure, money, together
from grouper.forecast.outlook.history import whole_months
from grouper.forecast.outlook.months import YEAR, day_of, first, last, name_of, whole_until
from grouper.forecast.outlook.result import Note, Outlook, PartOutlook, Period
from grouper.forecast.outlook.simulate import draw_part, own_points
from grouper.forecast.outlook.value import SECTION
from grouper.forecast.outlook.worths import PoolOutlook
from grouper.payment.settlement.looked import Looked
from grouper.payment.sheet import Sheet

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from grouper.forecast.outlook.cases import Part
    from grouper.forecast.outlook.office import Office
    from grouper.forecast.outlook.published import Pool
    from grouper.forecast.outlook.result import Figure
    from grouper.forecast.outlook.running import Running
    from grouper.forecast.outlook.simulate import PartDraws
    from grouper.forecast.outlook.worths import Valued
    from grouper.payment.sheet import Line

    _Draws = NDArray[np.float64]
    _Both = tuple[Valued, Valued, Mapping[int, _Draws]]

CASES_SHORT, DATA_END = "OUTLOOK_CASES_SHORT", "OUTLOOK_DATA_END"


class Look:
    """One outlook while it is made: of a month and its year, by what was known on a day."""

    def __init__(
        self, office: Office, month: int, as_of: int, ends: int, running: tuple[Running, ...]
    ) -> None:
        self.office, self.settings = office, office.settings
        self.month, self.as_of, self.ends = month, as_of, ends
        self.running = running
        self.cases = office.cases.until(as_of)
        over = whole_until(as_of)
        self.published = office.published.until(over)
        start = month - month % YEAR
        self.year = range(start, start + YEAR)
        self.open = [one for one in self.year if last(one) > as_of]
        self.looked = (self._on(month), self._on(self.year[-1]))
        self.short = self._short()
        known = {one for one in self.cases.parts if self._number(one)}
        self.parts: list[Part] = sorted(
            known | {one.part for one in running if one.known},
            key=lambda p: [(w is None, w or "") for w in p],
        )

    def _number(self, part: Part) -> int:
        rows = self.cases.rows(part, self.cases.begins, self.as_of)
        return int(rows.stop - rows.start)

    def _on(self, month: int) -> Looked:
        year, place = divmod(month, YEAR)
        day = date(year, place + 1, calendar.monthrange(year, place + 1)[1])
        policy = self.office.at_hand.on(self.office.region, day)
        return Looked(policy, self.office.facts)

    def _short(self) -> Note | None:
        """Why nothing can be said of cases to come, if it is so."""
        found = len(whole_months(self.cases, self.settings))
        wanted = int(self.settings["months"]["refuse_below"])
        return Note(CASES_SHORT, {"found": found, "wanted": wanted}) if found < wanted else None

    def outlook(self) -> Outlook:
        """Draw, value and sum up."""
        drawn = self._draws()
        pools = self._pools(drawn)
        drawn = {part: one.moved(self._factors(part, pools)) for part, one in drawn.items()}
        month, year = (
            self._period(place, months, drawn, pools)
            for place, months in ((0, [self.month]), (1, list(self.year)))
        )
        later = len(self.cases.days) - sum(self._number(part) for part in self.cases.parts)
        notes = []
        if self.as_of - self.ends > int(self.settings["months"]["quiet_days"]):
            notes.append(Note(DATA_END, {"day": day_of(self.ends).isoformat()}))
        hospital = self.office.facts.get("hospital")
        return Outlook(
            region=self.office.region,
            hospital=hospital,
            as_of=day_of(self.as_of),
            month=month,
            year=year,
            settings=self.settings.hash,
            inputs=self._inputs(),
            draws=self.settings.draws,
            cases=len(self.cases.days) - later,
            undated=self.cases.undated,
            later=later,
            running=len(self.running),
            unknown=sum(not one.known for one in self.running),
            published={
                pool: name_of(self.published.of_pool(pool)[-1].month)
                for pool in self.published.pools
            },
            ahead=len(self.office.published.months) - len(self.published.months),
            notes=tuple(notes),
        )

    def _draws(self) -> dict[Part, PartDraws]:
        if self.short or not self.open:
            return {}
        return {
            part: draw_part(
                self.cases,
                part,
                self.open,
                [one for one in self.running if one.known and one.part == part],
                float(self._as_priced(part, 0) or 0),
                self.settings,
            )
            for part in self.parts
        }

    def pool_of(self, part: Part) -> Pool | None:
        """Whose budget the points of a part are paid from: a method may follow another one."""
        method, insurance = part
        if method is None or insurance is None:
            return None
        of = self.looked[0].of(method=method, insurance=insurance).find(f"{method}.of")
        return (method if of is None else str(of.value), insurance)

    def _as_priced(self, part: Part, period: int) -> Decimal | None:
        """The point value that the policy prices a part with, else that of its last case."""
        pool = self.pool_of(part)
        if pool is not None:
            looked = self.looked[period].of(method=pool[0], insurance=pool[1])
            stated = looked.find(f"{pool[0]}.point_value")
            if stated is not None:
                return stated.number
        values = self.cases.values[self.cases.rows(part, self.cases.begins, self.as_of)]
        values = values[~np.isnan(values)]
        return Decimal(repr(float(values[-1]))) if len(values) else None

    def _factors(self, part: Part, pools: Mapping[Pool, _Both]) -> Mapping[int, _Draws]:
        pool = self.pool_of(part)
        return pools[pool][2] if pool is not None and pool in pools else {}

    def _pools(self, drawn: Mapping[Part, PartDraws]) -> dict[Pool, _Both]:
        counted: dict[Pool, list[Part]] = {pool: [] for pool in self.published.pools}
        for part in self.parts:
            pool = self.pool_of(part)
            rows = self.cases.rows(part, self.cases.begins, self.as_of)
            if pool is not None and (pool in counted or self.cases.sum(rows)[_SLOPE] > 0):
                counted.setdefault(pool, []).append(part)
        found = {}
        for pool, parts in sorted(counted.items()):
            own = own_points(self.cases, parts, drawn, self.year, self.settings)
            facts = {"method": pool[0], "insurance": pool[1]}
            found[pool] = PoolOutlook(
                pool,
                self.month,
                (self.looked[0].of(**facts), self.looked[1].of(**facts)),
                self.published,
                own,
                self.settings,
            ).both()
        return found

    def _period(
        self,
        place: int,
        months: list[int],
        drawn: Mapping[Part, PartDraws],
        pools: Mapping[Pool, _Both],
    ) -> Period:
        looked = self.looked[place]
        parts: list[PartOutlook] = []
        draws: dict[str, NDArray[np.float64]] = {}
        for part in self.parts:
            pool = self.pool_of(part)
            valued = None
            if pool is not None and pool in pools:
                valued = _of_period(pools[pool], place)
            one, found = self._part(part, months, drawn.get(part), valued, place)
            parts.append(one)
            for name, values in found.items():
                draws[name] = draws.get(name, np.zeros(self.settings.draws)) + values
        whole: dict[str, Figure] = {}
        if not any(one.reason for one in parts):
            whole = together([one.figures for one in parts], draws, self.settings.levels)
        name = name_of(self.month) if place == 0 else f"{self.month // YEAR:04d}"
        return Period(
            name=name,
            policy=looked.policy.id,
            worths=tuple(_of_period(both, place).told for both in pools.values()),
            parts=tuple(one for one in parts if one.reason or one.figures),
            whole=whole,
            lines=_whole_lines(whole),
            assumptions=looked.assumptions,
        )

    def _part(
        self,
        part: Part,
        months: list[int],
        drawn: PartDraws | None,
        valued: Valued | None,
        place: int,
    ) -> tuple[PartOutlook, dict[str, NDArray[np.float64]]]:
        rows = self.cases.rows(part, first(months[0]), last(months[-1]))
        value = None if valued is None else valued.told.value
        exact = self.cases.exact(rows, value)
        closed = {name: money(getattr(exact, name)) for name in MEASURES}
        if drawn is None and any(month in self.open for month in months):
            return PartOutlook(part=part, figures={}, closed=closed, reason=self.short), {}
        draws: NDArray[np.float64] | float
        already: dict[str, NDArray[np.float64] | float]
        if valued is None or valued.draws is None:
            draws = float(self._as_priced(part, place) or 0)
            already = {name: float(getattr(exact, name)) for name in MEASURES}
        else:
            draws = valued.draws
            already = {**at_value(self.cases.sum(rows), draws), "cases": float(exact.cases)}
        count = self.settings.draws
        nothing = dict.fromkeys(MEASURES, np.zeros(count))
        running, coming = (nothing, nothing) if drawn is None else drawn.of(months, draws)
        priced = self.cases.flags[0, self.cases.rows(part, self.cases.begins, self.as_of)].any()
        told = (
            MEASURES if priced or (drawn is not None and drawn.running.counts.any()) else ("cases",)
        )
        whole = {name: already[name] + running[name] + coming[name] for name in told}
        figures = {
            name: figure(
                closed[name],
                running[name],
                coming[name],
                whole[name],
                self.settings.levels,
                whole=name == "cases",
            )
            for name in told
        }
        lines = self._lines(part, figures.get("fund"), place)
        return PartOutlook(part=part, figures=figures, closed=closed, lines=lines), whole

    def _lines(self, part: Part, fund: Figure | None, place: int) -> tuple[Line, ...]:
        """The fund's part, and of a month what is prepaid and kept back of it."""
        if fund is None:
            return ()
        sheet = Sheet(SECTION)
        whole = sheet.add(
            "fund", fund.expected, certain=fund.certain, running=fund.running, coming=fund.coming
        )
        looked = self.looked[place].of(method=part[0], insurance=part[1])
        try:
            share, kept = (looked.value(f"settlement.{n}") for n in ("prepaid_share", "kept_back"))
            rounding = looked.rounding("money")
        except PolicyError:
            return tuple(sheet.lines)
        if place == 0:
            due = sheet.add(
                "due",
                whole.number * Fraction(share.number),
                rounding=rounding,
                fund=whole,
                share=share,
            )
            back = sheet.add(
                "kept_back",
                due.number * Fraction(kept.number),
                rounding=rounding,
                due=due,
                share=kept,
            )
            sheet.add("paid", due.number - back.number, due=due, kept_back=back)
        return tuple(sheet.lines)

    def _inputs(self) -> str:
        """The hash of what was known."""
        told = [repr(one) for one in self.published.months]
        for part in self.parts:
            rows = self.cases.rows(part, self.cases.begins, self.as_of)
            told.append(repr((part, rows.stop - rows.start, self.cases.exact(rows, None))))
        told += sorted(repr(one) for one in self.running)
        return hashlib.sha256("\n".join(told).encode()).hexdigest()


_SLOPE = BASE.index("slope")


def _of_period(both: _Both, place: int) -> Valued:
    """The month's (0) or the year's (1)."""
    return both[1] if place else both[0]


def _whole_lines(whole: Mapping[str, Figure]) -> tuple[Line, ...]:
    if "fund" not in whole:
        return ()
    sheet, fund = Sheet(SECTION), whole["fund"]
    sheet.add("fund", fund.expected, certain=fund.certain, running=fund.running, coming=fund.coming)
    if {"booked", "surplus"} <= whole.keys():
        sheet.add("surplus", whole["surplus"].expected, booked=whole["booked"].expected)
    return tuple(sheet.lines)
