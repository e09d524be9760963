"""Templates over the stays of a person, in plain Python: no charge line is read.

Beside :mod:`audit_plain`, which goes on from it; nothing here is shared with the engine.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from audit_support import PLAIN_RULES, Line, World

from codebooks.audit.books import AuditBook
from grouper.case.dates import LOCAL


class PlainStays:
    """The plain reading of the cases of a world."""

    def __init__(self, book: AuditBook, world: World) -> None:
        self.tables = {name: table.to_pylist() for name, table in book.tables.items()}
        self.cases = {one["case_id"]: one for one in world.people}
        self.found: set[tuple[Any, ...]] = set()

    def _tell(
        self,
        row: dict[str, Any],
        case: str,
        lines: list[Line],
        observed: Any = None,
        allowed: Any = None,
        amount: Any = None,
    ) -> None:
        if amount is None:
            amount = sum(line.amount for line in lines)
        told = tuple(sorted(line.line for line in lines))
        self.found.add(
            (
                row["rule"],
                row.get("row"),
                row["level"],
                case,
                told,
                observed if observed is None else Decimal(observed),
                allowed if allowed is None else Decimal(allowed),
                Decimal(amount),
            )
        )

    @staticmethod
    def _own(rule: str, parameter: str | None = None) -> dict[str, Any]:
        return {"rule": rule, "level": PLAIN_RULES[rule], "row": parameter}

    def _stay(self, case: str) -> tuple[Any, Any]:
        told = self.cases[case]
        return tuple(
            told[name].astimezone(LOCAL).date() for name in ("admission_time", "discharge_time")
        )

    def _threshold(self, rule: str, name: str) -> tuple[Decimal, str]:
        for row in self.tables["behaviour"]:
            if (row["rule"], row["parameter"]) == (rule, name):
                return row["value"], row["row"]
        raise AssertionError

    def returns(self) -> None:
        for rule, here in (("GZ10000204001000", True), ("LOC-READM15", False)):
            most, row = self._threshold(rule, "return_days")
            for case, told in self.cases.items():
                before = [
                    other
                    for key, other in self.cases.items()
                    if key != case
                    and other["person"] == told["person"]
                    and {other["kind"], told["kind"]} == {"inpatient"}
                    and other["dx"][:1] != []
                    and other["dx"][:1][0][:3] == (told["dx"] or ["?"])[0][:3]
                    and (other.get("hospital") == told.get("hospital")) == here
                    and self._stay(key)[1] <= self._stay(case)[0]
                    and self._stay(key)[0] < self._stay(case)[0]
                    and (self._stay(case)[0] - self._stay(key)[1]).days <= most
                ]
                if before:
                    gap = min(
                        (self._stay(case)[0] - self._stay(o["case_id"])[1]).days for o in before
                    )
                    self._tell(self._own(rule, row), case, [], gap, most, told["total_cost"])

    def overlaps(self) -> None:
        for case, told in self.cases.items():
            for key, other in self.cases.items():
                if (
                    key != case
                    and told["person"] == other["person"]
                    and {told["kind"], other["kind"]} == {"inpatient"}
                    and (other["admission_time"], key) < (told["admission_time"], case)
                    and told["admission_time"] < other["discharge_time"]
                ):
                    self._tell(self._own("LOC-IMPERS"), case, [], amount=told["total_cost"])

    def identity(self) -> None:
        for case, told in self.cases.items():
            for name in ("sex", "birth_date"):
                own = told.get(name)
                others = [
                    (one["admission_time"], key, one.get(name))
                    for key, one in self.cases.items()
                    if one["person"] == told["person"] and one.get(name)
                ]
                if own and min(others)[2] != own:
                    self._tell(self._own("LOC-IMPERS"), case, [], amount=told["total_cost"])

    def visits(self) -> None:
        for case, told in self.cases.items():
            for key, other in self.cases.items():
                if (
                    told["kind"] == "outpatient"
                    and other["kind"] == "inpatient"
                    and told["person"] == other["person"]
                    and self._stay(key)[0] < self._stay(case)[0] < self._stay(key)[1]
                ):
                    self._tell(self._own("LOC-HANG"), case, [], amount=told["total_cost"])

    def frequent(self) -> None:
        for rule, kind in (("GZ10000204002000", "outpatient"), ("GZ10000204004000", "inpatient")):
            most, row = self._threshold(rule, "most")
            days, _ = self._threshold(rule, "within_days")
            for person in {one["person"] for one in self.cases.values()}:
                own = [
                    (self._stay(key)[0], key)
                    for key, one in self.cases.items()
                    if one["person"] == person and one["kind"] == kind
                ]
                counts = [
                    (-sum(0 <= (day - other).days < days for other, _ in own), day, key)
                    for day, key in own
                ]
                if counts and -min(counts)[0] > most:
                    seen, _, key = min(counts)
                    self._tell(self._own(rule, row), key, [], -seen, most, 0)
