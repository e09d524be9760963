"""The charge lines of a month's inpatients, day by day, so that each stay costs what was drawn.

The drawn cost is shared among the fee classes as the mix of the kind of stay says. Each class is
filled with whole items of the catalogue; what is left over goes to the next class and at last to
drugs. What a stay costs is then the sum of its lines, near the draw but never forced to it.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from grouper.demo.hospital.catalogue import items
from grouper.demo.hospital.inpatients import DAY, MINUTE, ZONE_SECONDS
from grouper.demo.hospital.lines import Lines, chained, lines_of
from grouper.demo.hospital.plan import stream
from grouper.demo.hospital.tables import toml
from grouper.demo.hospital.world import KINDS, Array

if TYPE_CHECKING:
    from grouper.demo.hospital.inpatients import Month
    from grouper.demo.hospital.world import World

_OPENS, _CLOSES = 8 * 60, 18 * 60
_FEN = 100
_PASSES = 3
_MOST_IMPLANTS = 4
_SUNDAY = 6


def charge(world: World, month: Month) -> Lines:
    """The lines of a month's stays, in order.

    Args:
        world: the hospital.
        month: its inpatients.
    """
    till = _Till(world, month)
    share = till.shares()
    budget = month.stays.cost * _FEN
    till.service(budget * share["service"])
    rest = np.maximum(budget - till.spent, budget * toml("mixes.toml")["rest_least"])
    whole = sum(share[use] for use in share if use != "service")
    own = {use: rest * share[use] / whole for use in share if use != "service"}
    till.tests("lab", own["lab"])
    till.tests("exam", own["exam"])
    till.once()
    till.daily("treat", own["treat"])
    left = till.operation("operation", own["operation"])
    left += till.operation("anaesthesia", own["anaesthesia"])
    till.daily("patent", own["patent"])
    till.daily("herb", own["herb"])
    till.implants(own["implant"] + left)
    till.daily("material", own["material"])
    till.daily("west", np.maximum(budget - till.spent, 0.0))
    till.extras()
    return chained(till.parts).ordered()


class _Till:
    """Adds lines and knows what each stay has cost so far, in fen."""

    def __init__(self, world: World, month: Month) -> None:
        self.chance = stream(world.seed, month.number, "charges")
        self.month, self.items, self.mix = month, items(), toml("mixes.toml")
        self.count = len(month)
        self.spent = np.zeros(self.count)
        self.parts: list[Lines] = []

    @cached_property
    def kinds(self) -> Array:
        """Number of the mix of each stay."""
        departments = [row["code"] for row in toml("hospital.toml")["departments"]]
        mind = self.month.department == departments.index(self.mix["mind_department"])
        return np.where(mind, len(KINDS), self.month.kind)

    def shares(self) -> dict[str, Array]:
        """The share of each use in each stay's cost, with some chance in it."""
        mixes = [self.mix[kind] for kind in (*KINDS, "mind")]
        uses = list(mixes[0])
        table = np.array([[mix[use] for use in uses] for mix in mixes])[self.kinds]
        table *= np.exp(self.chance.normal(0.0, self.mix["spread"], table.shape))
        table /= table.sum(axis=1, keepdims=True)
        return dict(zip(uses, table.T, strict=True))

    def add(self, stay: Array, day: Array, minute: Array, item: Array, quantity: Array) -> None:
        """Add lines on days counted from the admission, at minutes of the day."""
        start = self.month.start[stay] + ZONE_SECONDS
        midnight = start - start % DAY
        # On the day of admission nothing is charged before it, nor after midnight.
        first = np.minimum(start + (20 + minute // 3) * MINUTE, midnight + DAY - MINUTE)
        time = np.where(day == 0, first, midnight + day * DAY + minute * MINUTE) - ZONE_SECONDS
        self.parts.append(lines_of(stay, time, item, quantity))
        np.add.at(self.spent, stay, self.items.price[item] * quantity)

    def _days(self, days: Array) -> tuple[Array, Array]:
        """Each stay once for each of so many days, and the number of the day."""
        stay = np.repeat(np.arange(self.count), days)
        return stay, np.arange(len(stay)) - np.repeat(np.cumsum(days) - days, days)

    def service(self, budget: Array) -> None:
        """Bed, nursing and the physician's round of each day; intensive care where there is any."""
        ladders, los = self.items.ladders, self.month.los
        bed, nursing = ladders["bed"], ladders["nursing"]
        a_day = budget / los - self.items.price[ladders["consult"][0]]
        half = a_day[:, None] * [0.62, 0.38]
        beds = bed[_below(self.items.price[bed], half[:, 0])]
        nurses = nursing[_below(self.items.price[nursing], half[:, 1])]
        nurses = np.where(self.kinds == len(KINDS), ladders["nursing_mind"][0], nurses)
        stay, day = self._days(los)
        care = day < self.month.intensive[stay]
        minute = np.full(len(stay), _OPENS)
        one = np.ones(len(stay), np.int64)
        self.add(stay, day, minute, np.where(care, ladders["bed_icu"][0], beds[stay]), one)
        self.add(
            stay, day, minute + 5, np.where(care, ladders["nursing_icu"][0], nurses[stay]), one
        )
        self.add(stay, day, minute + 10, np.full(len(stay), ladders["consult"][0]), one)
        watch, ventilation = ladders["treat_icu"]
        self.add(stay[care], day[care], minute[care] + 15, np.full(care.sum(), watch), one[care])
        hours = np.array([h or 0 for h in self.month.front["ventilator_hours"]])
        aired = day < np.ceil(hours / 24)[stay]
        self.add(
            stay[aired],
            day[aired],
            minute[aired] + 20,
            np.full(aired.sum(), ventilation),
            one[aired],
        )

    def tests(self, use: str, budget: Array) -> None:
        """Tests in rounds some days apart, each round as many as its budget holds."""
        ladder, los = self.items.ladders[use], self.month.los
        most = np.maximum(1, los // self.mix["panel_days"])
        rounds = np.clip(budget // (self.mix["panel"] * _FEN), 1, most).astype(np.int64)
        left = budget / rounds
        order = np.argsort(self.chance.random((self.count, len(ladder))), axis=1)
        stays, chosen = [], []
        for column in order.T:
            item = ladder[column]
            fits = np.flatnonzero(self.items.price[item] <= left)
            left[fits] -= self.items.price[item[fits]]
            stays.append(fits)
            chosen.append(item[fits])
        stay, item = np.concatenate(stays), np.concatenate(chosen)
        times = rounds[stay]
        line = np.repeat(np.arange(len(stay)), times)
        turn = np.arange(len(line)) - np.repeat(np.cumsum(times) - times, times)
        stay, item = stay[line], item[line]
        day = turn * (los[stay] // rounds[stay])
        # Laboratories and scanners rest on Sundays, but for those who have just come.
        begins = (self.month.start[stay] + ZONE_SECONDS) // DAY
        sunday = ((begins + day + 3) % 7 == _SUNDAY) & (day > 0)
        following = turn + 1 < rounds[stay]
        room = np.where(following, (turn + 1) * (los[stay] // rounds[stay]), los[stay]) - 1
        day = np.where(sunday & (day < room), day + 1, day)
        minute = _OPENS + 30 + self.chance.integers(0, 240, len(stay))
        self.add(stay, day, minute, item, np.ones(len(stay), np.int64))

    def once(self) -> None:
        """Tests that are done once in a stay at most."""
        sugar, before = self.items.ladders["lab_once"]
        some = np.flatnonzero(self.chance.random(self.count) < self.mix["once"])
        cut = np.flatnonzero(self.month.kind == KINDS.index("surgical"))
        for stay, item in ((some, sugar), (cut, before)):
            none = np.zeros(len(stay), np.int64)
            self.add(stay, none, none + _OPENS + 60, np.full(len(stay), item), none + 1)

    def daily(self, use: str, budget: Array) -> None:
        """Items given every day: some at once, each of a price that suits its part of the budget."""
        ladder = self.items.ladders[use]
        price = self.items.price[ladder]
        least, slot = self.mix["least_daily"] * _FEN, self.mix["slot_daily"] * _FEN
        days = np.clip(budget // least, 0, self.month.los).astype(np.int64)
        a_day = budget / np.maximum(days, 1)
        most = min(self.mix["most_slots"], len(ladder))
        slots = np.clip(a_day // slot + 1, 1, most).astype(np.int64)
        taken = np.full((self.count, most), -1)
        logs = np.log(price)
        left = a_day.copy()
        for number in range(most):
            own = np.where(
                number == slots - 1, left, a_day / slots * self.chance.uniform(0.6, 1.4, self.count)
            )
            own = np.minimum(own, left)
            times = self.chance.integers(1, 4, self.count)
            wanted = np.log(np.maximum(own / times, 1.0)) + self.chance.normal(0, 0.25, self.count)
            place = np.clip(np.searchsorted(logs, wanted), 0, len(ladder) - 1)
            for _ in range(most):
                place = np.where(
                    (taken == place[:, None]).any(axis=1), (place + 1) % len(ladder), place
                )
            quantity = np.rint(own / price[place]).astype(np.int64)
            given = (number < slots) & (days > 0) & (quantity > 0)
            taken[given, number] = place[given]
            left = np.where(given, np.maximum(left - quantity * price[place], 0), left)
            stay, day = self._days(np.where(given, days, 0))
            at = _OPENS + 40 + number * 25 + 7 * (place % 9)
            self.add(stay, day, at[stay], ladder[place[stay]], quantity[stay])

    def operation(self, use: str, budget: Array) -> Array:
        """One item on the day of the operation; gives back what it leaves of the budget."""
        ladder = self.items.ladders[use]
        price = self.items.price[ladder]
        stay = np.flatnonzero(budget >= price[0])
        item = ladder[_below(price, budget[stay])]
        minute = np.full(len(stay), _OPENS + 90)
        self.add(stay, self.month.operation[stay], minute, item, np.ones(len(stay), np.int64))
        left = budget.copy()
        left[stay] -= self.items.price[item]
        return left

    def implants(self, budget: Array) -> None:
        """Materials of the operation: the dearest that fits, then the dearest that still fits."""
        ladder = self.items.ladders["implant"]
        price = self.items.price[ladder]
        left = np.where(self.month.kind == 0, 0.0, budget)
        used = np.full(self.count, -1)
        for number in range(_PASSES):
            place = _below(price, left)
            fits = (left >= price[0]) & (place != used)
            stay = np.flatnonzero(fits)
            quantity = np.minimum(left[stay] // price[place[stay]], _MOST_IMPLANTS).astype(np.int64)
            minute = np.full(len(stay), _OPENS + 100 + number)
            self.add(stay, self.month.operation[stay], minute, ladder[place[stay]], quantity)
            left[stay] -= quantity * price[place[stay]]
            used[stay] = place[stay]

    def extras(self) -> None:
        """An escort's bed now and then, and drugs that are given back: a line and its refund."""
        escort = self.items.ladders["other"][0]
        with_escort = self.chance.random(self.count) < self.mix["escort"]
        stay, day = self._days(np.where(with_escort, self.month.los, 0))
        self.add(
            stay,
            day,
            np.full(len(stay), _OPENS + 2),
            np.full(len(stay), escort),
            np.ones(len(stay), np.int64),
        )
        back = np.flatnonzero(self.chance.random(self.count) < self.mix["refund_share"])
        drug = self.items.ladders["west"][3]
        quantity = self.chance.integers(1, 4, len(back))
        last = self.month.los[back] - 1
        evening = np.full(len(back), _CLOSES - 60)
        self.add(back, last, evening, np.full(len(back), drug), quantity)
        self.add(back, last, evening + 45, np.full(len(back), drug), -quantity)


def _below(ladder: Array, budget: Array) -> Array:
    """Place of the dearest that a budget holds; the cheapest where it holds none."""
    found: Array = np.maximum(np.searchsorted(ladder, budget, side="right") - 1, 0)
    return found
