"""Each template once more, in plain Python over single lines: what DuckDB's answers must equal.

Nothing here is shared with the engine. A finding is (rule, row, level, case, lines, observed,
allowed, amount in fen).
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from typing import Any

from audit_plain_stays import PlainStays
from audit_support import HERBS, Line, World

from codebooks.audit.books import AuditBook
from grouper.case.dates import LOCAL

EARLY, LATE = Decimal("-Infinity"), Decimal("Infinity")


def _second(line: Line) -> Decimal | None:
    return None if line.time is None else Decimal(int(line.time.timestamp()))


def _day(line: Line) -> Any:
    return None if line.time is None else line.time.astimezone(LOCAL).date()


def _rank(line: Line) -> tuple[Any, ...]:
    second = _second(line)
    return (EARLY if second is None else second, line.quantity, line.amount, line.line)


def after_refunds(lines: list[Line]) -> tuple[list[Line], list[Line]]:
    """What stands, and refunds that have something left."""
    stand, alone = [], []
    whole = defaultdict(list)
    for line in lines:
        assert line.quantity is not None
        assert line.amount is not None
        whole[line.case_id, line.item].append(line)
    for own in whole.values():
        left = {line.line: line.quantity for line in own}
        charges = [line for line in own if line.quantity > 0]
        refunds = [line for line in own if line.quantity < 0]

        def when(line: Line, missing: Decimal) -> Decimal:
            second = _second(line)
            return missing if second is None else second

        for refund in sorted(refunds, key=lambda r: (when(r, LATE), r.amount, r.quantity, r.line)):
            before = [c for c in charges if when(c, EARLY) <= when(refund, LATE)]
            before.sort(key=lambda c: (when(c, EARLY), c.amount, c.quantity, c.line), reverse=True)
            for charge in before:
                taken = min(left[charge.line], -left[refund.line])
                left[charge.line] -= taken
                left[refund.line] += taken
        for line in own:
            if left[line.line] == 0:
                continue
            part = (line.amount * left[line.line] / line.quantity).quantize(
                Decimal("0.01"), ROUND_HALF_UP
            )
            kept = Line(**(vars(line) | {"quantity": left[line.line], "amount": part}))
            (stand if line.quantity > 0 else alone).append(kept)
    return stand, alone


class Plain(PlainStays):
    """The plain reading of a world."""

    def __init__(self, book: AuditBook, world: World, levels: dict[str, str]) -> None:
        super().__init__(book, world)
        self.levels = levels
        self.raw = world.lines
        self.lines, self.alone = after_refunds(world.lines)
        self.by = defaultdict(list)
        for line in self.lines:
            self.by[line.case_id].append(line)

    def all(self) -> set[tuple[Any, ...]]:
        for name in (
            *("pairs", "quantity", "cycle", "course", "items", "excluded", "indication"),
            *("surgery", "duplicates", "outside", "information", "hanging", "low", "returns"),
            *("overlaps", "visits", "frequent", "identity"),
        ):
            getattr(self, name)()
        return self.found

    @staticmethod
    def _valid(row: dict[str, Any], day: Any) -> bool:
        if day is None:
            return True
        return row["valid_from"] <= day and (row["valid_to"] is None or day < row["valid_to"])

    def pairs(self) -> None:
        near = {"six_hours": 6 * 3600, "hour": 3600}
        for case, lines in self.by.items():
            hit: dict[Any, list[tuple[Any, Line]]] = defaultdict(list)
            for row in self.tables["pairs"]:
                fault, kept = row["item_a"], row["item_b"]
                if row["keep"] == "a":
                    fault, kept = kept, fault
                window = row["window"]
                others = [one for one in lines if one.item == kept]
                own = [one for one in lines if one.item == fault]
                for line in own:
                    if window == "visit":
                        days = [_day(one) for one in own if _day(one) is not None]
                        ok = bool(others) and self._valid(row, min(days) if days else None)
                    elif window == "day":
                        ok = line.time is not None and any(_day(o) == _day(line) for o in others)
                        ok = ok and self._valid(row, _day(line))
                    else:
                        ok = line.time is not None and any(
                            o.time is not None
                            and abs(o.time - line.time) < timedelta(seconds=near[window])
                            for o in others
                        )
                        ok = ok and self._valid(row, _day(line))
                    if ok:
                        key = None if window == "visit" else _day(line)
                        hit[row["rule"], row["level"], window, fault, key].append(
                            (row["row"], line)
                        )
            for (rule, level, *_), found in hit.items():
                once = {line.line: line for _, line in found}
                row = {"rule": rule, "level": level, "row": min(one for one, _ in found)}
                self._tell(row, case, list(once.values()))

    @staticmethod
    def _piece(line: Line, excess: Decimal) -> Decimal:
        return (line.amount * excess / line.quantity).quantize(Decimal("0.01"), ROUND_HALF_UP)

    def quantity(self) -> None:
        for row in self.tables["quantity"]:
            for case, lines in self.by.items():
                own = [o for o in lines if o.item == row["item"] and self._valid(row, _day(o))]
                if row["per"] != "visit":
                    own = [o for o in own if o.time is not None]
                own.sort(key=_rank)
                groups = defaultdict(list)
                for place, line in enumerate(own):
                    if row["per"] == "hours24":
                        window = [
                            o for o in own[: place + 1] if line.time - o.time < timedelta(hours=24)
                        ]
                    elif row["per"] == "day":
                        window = [o for o in own[: place + 1] if _day(o) == _day(line)]
                    else:
                        window = own[: place + 1]
                    total = sum(o.quantity for o in window)
                    if total > row["most"]:
                        key = _day(line) if row["per"] == "day" else None
                        groups[key].append((line, total))
                for found in groups.values():
                    amount = sum(
                        self._piece(o, min(o.quantity, total - row["most"])) for o, total in found
                    )
                    top = max(total for _, total in found)
                    self._tell(row, case, [o for o, _ in found], top, row["most"], amount)

    def cycle(self) -> None:
        for row in self.tables["cycle"]:
            for case, lines in self.by.items():
                own = sorted(
                    (
                        o
                        for o in lines
                        if o.item == row["item"] and o.time and self._valid(row, _day(o))
                    ),
                    key=_rank,
                )
                found = []
                for place, line in enumerate(own):
                    total = sum(
                        o.quantity
                        for o in own[: place + 1]
                        if (_day(line) - _day(o)).days < row["days"]
                    )
                    if total > row["times"]:
                        found.append((line, total))
                if found:
                    amount = sum(
                        self._piece(o, min(o.quantity, total - row["times"])) for o, total in found
                    )
                    top = max(total for _, total in found)
                    self._tell(row, case, [o for o, _ in found], top, row["times"], amount)

    def course(self) -> None:
        for row in self.tables["course"]:
            for case, lines in self.by.items():
                own = [
                    o
                    for o in lines
                    if o.item == row["item"] and o.time and self._valid(row, _day(o))
                ]
                days = sorted({_day(o) for o in own})
                if row["most_days"] is not None and len(days) > row["most_days"]:
                    late = days[row["most_days"] :]
                    lines_ = [o for o in own if _day(o) in late]
                    self._tell(row, case, lines_, len(days), row["most_days"])
                soon = {
                    b: (b - a).days for a, b in pairwise(days) if (b - a).days < row["least_gap"]
                }
                if soon:
                    lines_ = [o for o in own if _day(o) in soon]
                    self._tell(row, case, lines_, min(soon.values()), row["least_gap"])

    def items(self) -> None:
        for name in ("sex", "age", "insurance", "level", "visit", "second_line"):
            for case, lines in self.by.items():
                told = self.cases[case]
                for row in sorted(self.tables[name], key=lambda r: r["row"]):
                    broken = getattr(self, f"_{name}")(row, told)
                    if broken is None:
                        continue
                    own = [o for o in lines if o.item == row["item"] and self._valid(row, _day(o))]
                    if name not in {"sex", "age"}:
                        own = [o for o in own if o.scope in {"A", "B"}]
                    if own:
                        self._tell(row, case, own, *broken)

    def _sex(self, row: dict[str, Any], told: dict[str, Any]) -> Any:
        return () if told["sex"] and str(told["sex"]) != row["sex"] else None

    def _age(self, row: dict[str, Any], told: dict[str, Any]) -> Any:
        years = told["age"]
        if years is None:
            return None
        days = told["age_days"] if years == 0 else years * 365
        for value, least, most in (
            (years, row["least_years"], row["most_years"]),
            (days, row["least_days"], row["most_days"]),
        ):
            if least is not None and value < least:
                return value, least
            if most is not None and value > most:
                return value, most
        return None

    def _insurance(self, row: dict[str, Any], told: dict[str, Any]) -> Any:
        own = told["insurance_type"]
        return () if own is not None and own not in row["allowed"] else None

    def _level(self, row: dict[str, Any], told: dict[str, Any]) -> Any:
        order = ("I", "II", "III")
        own = self.levels[told.get("hospital", "H1")]
        return () if order.index(own) < order.index(row["least_level"]) else None

    def _visit(self, row: dict[str, Any], told: dict[str, Any]) -> Any:
        return () if told["kind"] not in row["allowed"] else None

    def _second_line(self, row: dict[str, Any], told: dict[str, Any]) -> Any:
        del row, told
        return ()

    def excluded(self) -> None:
        listed = defaultdict(set)
        for row in self.tables["excluded"]:
            if row["when"] == "alone":
                listed[row["rule"]].add(row["item"])
        every = {row["item"] for row in self.tables["excluded"]}
        for case, lines in self.by.items():
            herbs = [o for o in lines if o.item in HERBS]
            for row in self.tables["excluded"]:
                own = [o for o in herbs if o.item == row["item"] and o.scope in {"A", "B"}]
                if row["when"] == "alone":
                    own = [
                        o
                        for o in own
                        if o.time and all(h.item in every for h in herbs if h.time == o.time)
                    ]
                if own:
                    self._tell(row, case, own)

    def indication(self) -> None:
        for case, lines in self.by.items():
            codes = self.cases[case]["dx"]
            if not codes:
                continue
            for item in {row["item"] for row in self.tables["indication"]}:
                rows = [row for row in self.tables["indication"] if row["item"] == item]
                if any(c.startswith(p) for row in rows for p in row["allowed"] for c in codes):
                    continue
                own = [o for o in lines if o.item == item and o.scope in {"A", "B"}]
                if own:
                    row = min(rows, key=lambda r: r["row"])
                    level = "suspect" if all(r["allowed"] for r in rows) else "verify"
                    self._tell(row | {"level": level}, case, own)

    def surgery(self) -> None:
        prices: dict[str, int] = {}
        fen = {id(o): int(o.amount * 100) for o in self.lines}
        items = {row["item"]: row for row in self.tables["surgery"]}
        for line in self.lines:
            if line.item in items:
                price = int(Decimal(fen[id(line)]) // line.quantity)
                prices[line.item] = max(prices.get(line.item, 0), price)
        groups = defaultdict(list)
        for line in self.lines:
            if line.item in items and line.time:
                groups[line.case_id, _day(line), items[line.item]["group"]].append(line)
        for (case, _, _), own in groups.items():
            own.sort(key=lambda o: (-prices[o.item], -o.amount, o.line))
            found, limits = [], Decimal(0)
            for line in own[1:]:
                limit = (
                    prices[line.item] * line.quantity * items[line.item]["share"] / 100
                ).quantize(Decimal("0.01"), ROUND_HALF_UP)
                if line.amount > limit:
                    found.append(line)
                    limits += limit
            if found:
                row = min((items[o.item] for o in found), key=lambda r: r["row"])
                total = sum(o.amount for o in found)
                self._tell(row, case, found, total, limits, total - limits)

    def duplicates(self) -> None:
        groups = defaultdict(list)
        for o in self.lines:
            if o.time and o.item:
                groups[o.case_id, o.item, o.time, o.quantity, o.amount, o.department].append(o)
        for (case, *_), own in groups.items():
            if len(own) > 1:
                own.sort(key=lambda o: o.line)
                self._tell(self._own("LOC-DUPLINE"), case, own[1:], len(own), 1)

    def outside(self) -> None:
        for case, lines in self.by.items():
            first, last = self._stay(case)
            own = [o for o in lines if o.time and not first <= _day(o) <= last]
            if own and self.cases[case]["kind"] == "inpatient":
                self._tell(self._own("GZ10000201008000"), case, own)

    def information(self) -> None:
        wrong = defaultdict(list)
        left = {(o.case_id, o.line): o for o in [*self.lines, *self.alone]}
        for o in self.alone:
            wrong[o.case_id, "alone"].append(o)
        for o in self.raw:
            net = left.get((o.case_id, o.line), Line(**(vars(o) | {"amount": Decimal(0)})))
            if o.time is None:
                wrong[o.case_id, "time"].append(net)
            if o.item is None:
                wrong[o.case_id, "item"].append(net)
        for (case, _), own in wrong.items():
            amount = sum(abs(o.amount) for o in own)
            self._tell(self._own("GZ10000201002000"), case, own, amount=amount)

    def hanging(self) -> None:
        least, row = self._threshold("LOC-HANG", "idle_days")
        for case, lines in self.by.items():
            first, last = self._stay(case)
            if self.cases[case]["kind"] != "inpatient":
                continue
            idle = set()
            for n in range(1, (last - first).days):
                day = first + timedelta(days=n)
                kinds = {o.kind for o in lines if _day(o) == day}
                if kinds and kinds <= {"01", "02", "07"}:
                    idle.add(day)
            runs: list[list[Any]] = []
            for day in sorted(idle):
                if runs and day - runs[-1][-1] == timedelta(days=1):
                    runs[-1].append(day)
                else:
                    runs.append([day])
            long = [run for run in runs if len(run) >= least]
            if long:
                days = {day for run in long for day in run}
                own = [o for o in lines if _day(o) in days]
                self._tell(self._own("LOC-HANG", row), case, own, max(map(len, long)), least)

    def low(self) -> None:
        rule = "GZ10000204005000"
        most, row = self._threshold(rule, "short_stay_days")
        for case, lines in self.by.items():
            first, last = self._stay(case)
            told = self.cases[case]
            if told["kind"] != "inpatient" or told["px"] or (last - first).days > most:
                continue
            if {o.kind for o in lines} <= {"01", "02", "03", "04", "07", "13"}:
                self._tell(self._own(rule, row), case, lines, (last - first).days, most)
