"""The templates over a person's cases, and those of groups' costs, once more in plain Python.

Beside :mod:`audit_plain`; nothing here is shared with the engine.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from audit_plain import Plain, _day, _rank, _second
from audit_support import Line

from grouper.case.dates import LOCAL

PERSON_DAYS = 15
TESTS = {"03", "04"}
CARE = {"03", "04", "05", "06", "08", "09", "10", "11", "12"}
EXEMPT = ("Z51", "Z49", "Z38", "O80", "O81", "O82", "O83", "O84")
SHORTENED = {"2", "3", "4", "5"}

Costs = dict[str, dict[str, Any]]


class PlainPersons(Plain):
    """The plain reading of what is compared over cases."""

    def persons(self, costs: Costs) -> set[tuple[Any, ...]]:
        """The findings of rules whose rows or thresholds the book has."""
        self.cycle_person()
        self.repeated()
        self.shift()
        self.low_cost(costs)
        self.under(costs)
        return self.found

    @staticmethod
    def _own(rule: str, parameter: str | None = None) -> dict[str, Any]:
        return {"rule": rule, "level": "suspect", "row": parameter}

    def _stay(self, case: str) -> tuple[Any, Any]:
        told = self.cases[case]
        first = told["admission_time"].astimezone(LOCAL).date()
        end = told["discharge_time"]
        return first, end.astimezone(LOCAL).date() if end else first.max

    def _span(self, case: str) -> tuple[Any, Any]:
        first, last = self._stay(case)
        return first, max(first, last)

    def _exempt(self, case: str) -> bool:
        told = self.cases[case]
        return told.get("visit_type") == "14" or (told["dx"] or [""])[0].startswith(EXEMPT)

    def _near(self, days: int) -> set[str]:
        """The cases at most so many days from another one of the person."""
        found = set()
        for case, told in self.cases.items():
            for key, other in self.cases.items():
                if key == case or other["person"] != told["person"] or not told["person"]:
                    continue
                one, two = sorted((self._span(case), self._span(key)))
                if (two[0] - one[1]).days <= days:
                    found.add(case)
        return found

    def cycle_person(self) -> None:
        for row in self.tables["cycle"]:
            if row["days"] < PERSON_DAYS:
                continue
            own: dict[str, list[Line]] = defaultdict(list)
            for case in self._near(row["days"]):
                for o in self.by[case]:
                    if o.item == row["item"] and o.time and self._valid(row, _day(o)):
                        own[self.cases[case]["person"]].append(o)
            for lines in own.values():
                self._over(row, lines)

    def _over(self, row: dict[str, Any], lines: list[Line]) -> None:
        def order(line: Line) -> tuple[Any, ...]:
            second, quantity, amount, number = _rank(line)
            return (second, quantity, amount, line.case_id, number)

        found = defaultdict(list)
        for line in lines:
            window = [
                o
                for o in lines
                if order(o) <= order(line) and (_day(line) - _day(o)).days < row["days"]
            ]
            total = sum(o.quantity for o in window)
            alone = sum(o.quantity for o in window if o.case_id == line.case_id)
            if total > row["times"] >= alone:
                found[line.case_id].append((line, total))
        for case, hits in found.items():
            amount = sum(
                (o.amount * min(o.quantity, total - row["times"]) / o.quantity).quantize(
                    Decimal("0.01"), ROUND_HALF_UP
                )
                for o, total in hits
            )
            top = max(total for _, total in hits)
            self._tell(row, case, [o for o, _ in hits], top, row["times"], amount)

    def repeated(self) -> None:
        rule = "LOC-REPDX"
        days, row = self._threshold(rule, "within_days")
        kept = [
            o
            for case in self._near(int(days))
            for o in self.by[case]
            if o.item and o.time and o.kind in TESTS and not self._exempt(case)
        ]
        found: dict[Any, list[tuple[Line, int]]] = defaultdict(list)
        for line in kept:
            gaps = [
                (_day(line) - _day(o)).days
                for o in kept
                if o.item == line.item
                and o.case_id != line.case_id
                and self.cases[o.case_id]["person"] == self.cases[line.case_id]["person"]
                and (_second(o), o.case_id) < (_second(line), line.case_id)
                and (_day(line) - _day(o)).days < days
            ]
            if gaps:
                found[line.case_id, line.item].append((line, min(gaps)))
        for (case, _), hits in found.items():
            gap = min(one for _, one in hits)
            self._tell(self._own(rule, row), case, [o for o, _ in hits], gap, days)

    def shift(self) -> None:
        rule = "LOC-SHIFT"
        days, row = self._threshold(rule, "around_days")
        around = timedelta(days=int(days))
        for case, told in self.cases.items():
            if told["kind"] != "outpatient" or self._exempt(case) or not told["person"]:
                continue
            day = self._span(case)[0]
            stays = []
            for key, other in self.cases.items():
                if other["kind"] != "inpatient" or other["person"] != told["person"]:
                    continue
                first, last = self._span(key)
                open_ = other["discharge_time"] is None
                if (
                    not self._exempt(key)
                    and first - around <= day
                    and (open_ or day <= last + around)
                ):
                    inside = first < day and (open_ or day < last)
                    stays.append((not inside, first, key))
            found = defaultdict(list)
            for o in self.by[case]:
                if not o.item or o.kind not in CARE:
                    continue
                fit = [
                    one
                    for one in sorted(stays)
                    if (not one[0] or o.scope == "C")
                    and any(s.item == o.item and s.kind in CARE for s in self.by[one[2]])
                ]
                if fit:
                    found[fit[0][2]].append(o)
            for lines in found.values():
                self._tell(self._own(rule, row), case, lines)

    def low_cost(self, costs: Costs) -> None:
        rule = "LOC-LOWADM"
        most, _ = self._threshold(rule, "most_days")
        fold, row = self._threshold(rule, "least_fold")
        for case, told in self._costed(costs):
            first, last = self._stay(case)
            bound = self._bound(costs[case]["mean"], fold)
            if not told["px"] and (last - first).days <= most and told["total_cost"] < bound:
                total = told["total_cost"]
                self._tell(self._own(rule, row), case, [], total, bound, total)

    def under(self, costs: Costs) -> None:
        rule = "LOC-UNDER"
        fold, row = self._threshold(rule, "least_fold")
        for case, told in self._costed(costs):
            first, last = self._stay(case)
            bound, decile = self._bound(costs[case]["mean"], fold), costs[case]["days_p10"]
            short = decile is not None and (last - first).days < decile
            if short and told["total_cost"] < bound:
                self._tell(self._own(rule, row), case, [], told["total_cost"], bound, 0)

    def _costed(self, costs: Costs) -> list[tuple[str, dict[str, Any]]]:
        return [
            (case, told)
            for case, told in self.cases.items()
            if case in costs
            and told["kind"] == "inpatient"
            and told["discharge_time"]
            and told.get("discharge_way") not in SHORTENED
        ]

    @staticmethod
    def _bound(mean: int, fold: Decimal) -> Decimal:
        """In yuan, down to a hundredth of a fen."""
        return (mean * fold / 100).quantize(Decimal("0.0001"), ROUND_FLOOR)
