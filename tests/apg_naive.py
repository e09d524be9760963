"""A plain reading of the outpatient algorithm, straight from the rows of a book.

It shares nothing with the engines: no compiled tables, no numbers for codes, fractions throughout,
and it goes through all rows for every question. Codes must be written as the code sets have them.
"""

# ruff: noqa: C901, PLR0912 -- it reads as the algorithm does, from top to bottom

from __future__ import annotations

from datetime import date
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from codebooks.book import SchemeBook
    from grouper.case.record import Case

Row = dict[str, Any]
DEFAULTS = {
    "consolidate_same_group": True,
    "consolidate_related_groups": True,
    "procedure_lines": "without_procedures",
    "medical_visit_needs_visit_line": False,
}


def half_up(value: Fraction) -> Fraction:
    """Six places, half up; nothing is negative."""
    return Fraction(int(value * 10**6 + Fraction(1, 2)), 10**6)


class Naive:
    """One book; ``known`` are the codes that its code sets hold."""

    def __init__(self, book: SchemeBook, known: set[str]) -> None:
        self.t = {name: book.rows(name) for name in book.form}
        self.card = book.card
        self.known = known
        self.type = {r["group"]: r["type"] for r in self.t["groups"]}
        self.klass = {r["group"]: r["consolidation"] for r in self.t["groups"]}

    def option(self, name: str) -> Any:
        return self.card.options.get(name, DEFAULTS[name])

    def longest(self, rows: list[Row], code: str) -> Row | None:
        fitting = [r for r in rows if code.upper().startswith(r["code"].upper())]
        return max(fitting, key=lambda r: len(r["code"]), default=None)

    def listed(self, name: str, kind: str, code: str) -> Row | None:
        rows = [r for r in self.t["lists"] if r["list"] == name and r["kind"] == kind]
        if kind == "group":
            return next((r for r in rows if r["code"] == code), None)
        return self.longest(rows, code) if code else None

    def rate(self, name: str, kind: str = "procedure") -> Fraction:
        for r in self.t["rates"]:
            if r["rate"] == name and r["type"] == kind:
                return Fraction(r["share"])
        return Fraction(1)

    def weight(self, group: str, day: date | None) -> Fraction | None:
        for r in self.t["weights"]:
            after = r["valid_from"] is None or (day is not None and r["valid_from"] <= day)
            before = r["valid_to"] is None or (day is not None and day < r["valid_to"])
            if r["group"] == group and after and before:
                return Fraction(r["weight"])
        return None

    def item_group(self, item: str, line_class: str) -> str | None:
        best, score = None, None
        for at, r in enumerate(self.t["items"]):
            if not (item or line_class) or not item.upper().startswith(r["code"].upper()):
                continue
            if r["length"] is not None and r["length"] != len(item):
                continue
            if r["line_class"] and r["line_class"] != line_class:
                continue
            mine = (len(r["code"]), r["length"] is not None, bool(r["line_class"]), -at)
            if score is None or mine > score:
                best, score = r["group"], mine
        return best

    def parts(self, case: Case) -> list[Row]:
        found: list[Row] = []
        for i, code in enumerate(case.px):
            if not code:
                continue
            row = self.longest(self.t["procedures"], code) if code in self.known else None
            group = row["group"] if row else None
            found.append(
                self.part("procedure", code, group, "procedure", code)
                | {"modifier": case.px_modifier[i] if i < len(case.px_modifier) else None}
            )
        if case.dx and case.dx[0]:
            code = case.dx[0]
            row = self.longest(self.t["diagnoses"], code) if code in self.known else None
            found.append(self.part("visit", code, row["group"] if row else None, None, ""))
        columns = (
            case.line_item,
            case.line_name,
            case.line_class,
            case.line_quantity,
            case.line_amount,
            case.line_time,
        )
        for i in range(max(len(c) for c in columns)):
            item, name, klass, quantity, amount, _ = (c[i] if i < len(c) else None for c in columns)
            group = self.item_group(item or "", klass or "")
            found.append(
                self.part("line", item, group, "item", item or "")
                | {
                    "key": item or name or klass or "",
                    "klass": klass or "",
                    "item": (item or "").upper(),
                    "amount": None if amount is None else Fraction(amount),
                    "quantity": None if quantity is None else Fraction(quantity),
                }
            )
        return found

    def part(
        self, kind: str, code: str | None, group: str | None, of: str | None, listed: str
    ) -> Row:
        never = group is not None and self.listed("never_pay", "group", group) is not None
        alone = self.listed("not_alone", "group", group) if group else None
        if of and listed:
            never = never or self.listed("never_pay", of, listed) is not None
            alone = self.listed("not_alone", of, listed) or alone
        return {
            "kind": kind, "code": code, "group": group, "never": never, "alone": alone,
            "unknown": kind != "line" and code not in self.known,
            "action": None, "why": None, "share": None, "amount": None, "quantity": None,
            "klass": "", "item": "", "modifier": None,
        }  # fmt: skip

    def refunds(self, lines: list[Row]) -> None:
        def negative(p: Row) -> bool:
            return any(p[n] is not None and p[n] < 0 for n in ("amount", "quantity"))

        back = [p for p in lines if negative(p)]
        there = [p for p in lines if not negative(p)]
        for by_amount in (True, False):
            for p in back:
                if bool(p["amount"]) is not by_amount:
                    continue
                name = "amount" if by_amount else "quantity"
                for o in there:
                    same = o["key"].upper() == p["key"].upper() and o["action"] is None
                    if same and o[name] is not None and o[name] == abs(p[name]):
                        o.update(action="cancelled", why="refunded")
                        p.update(action="cancelled", why="refund")
                        break
        for p in back:
            if p["action"]:
                continue
            left = abs(p["amount"] or 0)
            whole = left > 0
            for o in there:
                if o["key"].upper() != p["key"].upper() or o["action"] or not o["amount"]:
                    continue
                taken = min(left, o["amount"])
                o["amount"] -= taken
                left -= taken
                if o["amount"] == 0:
                    o.update(action="cancelled", why="refunded")
            done = whole and left == 0
            p.update(
                action="cancelled" if done else "reported",
                why="refund" if done else "refund_unmatched",
            )

    def group(self, case: Case) -> tuple[Any, ...]:
        """Status, reason, group, kind, weight and parts (kind, group, action, why, share)."""
        day = case.discharge_time.date() if case.discharge_time else None
        dated = any(r["valid_from"] or r["valid_to"] for r in self.t["weights"])
        groups = list(self.type)
        if dated and day is None:
            return "invalid", "SCHEME_DATE_MISSING"
        if not any(self.weight(g, day) is not None for g in groups):
            return "invalid", "SCHEME_UNCOVERED"
        if case.kind not in self.card.kinds:
            return "invalid", "KIND_UNSUPPORTED"
        if case.px and case.px[0] and case.px[0] not in self.known:
            return "invalid", "PX_MAIN_UNKNOWN"
        parts = self.parts(case)
        lines = [p for p in parts if p["kind"] == "line"]
        self.refunds(lines)
        gone = ("cancelled", "reported")
        living = [p for p in parts if p["action"] not in gone]
        if lines and all(p["action"] in gone for p in lines):
            return "ungrouped", "LINES_REFUNDED"
        if all(p["group"] is None for p in living):
            if case.dx and case.dx[0] and case.dx[0] not in self.known:
                return "invalid", "DX_PRINCIPAL_UNKNOWN"
            if not parts:
                return "invalid", "LINES_MISSING"
            some = any(p["kind"] == "line" for p in living)
            return "ungrouped", "LINE_UNASSIGNED" if some else "GROUP_NONE"
        for p in living:
            if p["unknown"]:
                p.update(action="unassigned", why="code_unknown")
            elif p["never"]:
                p.update(action="never_pay", why="never_pay_list")
            elif p["group"] is None:
                p.update(action="unassigned", why="no_group")
        kind = self.decide(parts, living, day)
        total = Fraction(0)
        best = None
        for p in parts:
            p["value"] = None
            if p["action"] in ("paid", "discounted"):
                p["value"] = half_up(p["share"] * (self.weight(p["group"], day) or 0))
                total += p["value"]
                if best is None or p["value"] > best["value"]:
                    best = p
        best = best or next(p for p in living if p["group"])
        told = tuple((p["kind"], p["group"], p["action"], p["why"], p["share"]) for p in parts)
        return "grouped", None, best["group"], kind, total, told

    def decide(self, parts: list[Row], living: list[Row], day: date | None) -> str:
        surgery = [
            p for p in living if p["action"] is None and self.type[p["group"]] == "procedure"
        ]
        if any(p["kind"] == "procedure" for p in surgery) and (
            self.option("procedure_lines") != "always"
        ):
            for p in surgery:
                if p["kind"] == "line":
                    p.update(action="packaged", why="charge_of_procedure")
            surgery = [p for p in surgery if p["kind"] == "procedure"]
        if surgery:
            self.surgery(surgery, day)
        visit = next((p for p in parts if p["kind"] == "visit" and p["action"] is None), None)
        seen = any(p["group"] and self.type[p["group"]] == "visit" for p in living)
        kind = "procedure" if surgery else "ancillary"
        if visit and surgery:
            visit.update(action="packaged", why="procedure_visit")
        elif visit and self.option("medical_visit_needs_visit_line") and not seen:
            visit.update(action="no_visit", why="no_visit_line")
        elif visit:
            kind = "medical"
            visit.update(action="paid", why="medical_visit", share=Fraction(1))
        before: set[str] = set()
        for p in parts:
            if p["action"] is None:
                self.pack(p, kind)
                again = self.rate("repeat", self.type[p["group"]])
                if p["action"] == "paid":
                    if p["group"] in before and again < 1:
                        p.update(action="discounted", why="repeat")
                        p["share"] = half_up(p["share"] * again)
                    before.add(p["group"])
        paid = [p for p in parts if p["action"] in ("paid", "discounted")]
        free = [p for p in paid if p["alone"] is None]
        for p in paid:
            if p["alone"] is not None:
                fit = [
                    o
                    for o in free
                    if p["alone"]["companion"] != "group" or o["group"] == p["group"]
                ]
                if not fit:
                    p.update(action="not_alone", why="not_alone_list", share=None)
        return kind

    def surgery(self, surgery: list[Row], day: date | None) -> None:
        def heft(p: Row) -> Fraction:
            plain = self.weight(p["group"], day) or Fraction(0)
            return plain * self.modifier(p)

        same = self.option("consolidate_same_group")
        related = self.option("consolidate_related_groups")
        for p in surgery:
            if p["modifier"] == "distinct":
                continue
            rivals = [
                o for o in surgery
                if o["modifier"] != "distinct"
                and (
                    o["group"] == p["group"]
                    or (
                        related
                        and self.klass[p["group"]]
                        and self.klass[o["group"]] == self.klass[p["group"]]
                    )
                )
            ]  # fmt: skip
            winner = rivals[0]
            for o in rivals:
                if heft(o) > heft(winner):
                    winner = o
            alike = winner["group"] == p["group"]
            if winner is not p and (same or not alike):
                p.update(action="consolidated", why="same_group" if alike else "related_group")
        kept = [p for p in surgery if p["action"] is None]
        first = kept[0]
        for p in kept:
            if heft(p) > heft(first):
                first = p
        for p in kept:
            share = half_up(self.rate("first" if p is first else "further") * self.modifier(p))
            why = "first_procedure" if p is first else "further_procedure"
            if p is first and p["modifier"] in ("bilateral", "terminated"):
                why = p["modifier"]
            p.update(action="paid" if share >= 1 else "discounted", why=why, share=share)

    def modifier(self, p: Row) -> Fraction:
        if p["modifier"] in ("bilateral", "terminated"):
            return self.rate(p["modifier"])
        return Fraction(1)

    def outcome(self, p: Row, kind: str, amount: Fraction | None) -> str:
        """Packaged, apart or alone; without an amount rules on amounts do not hold."""
        for r in sorted(self.t["packaging"], key=lambda r: r["sort"]):
            if r["visit"] and kind not in r["visit"].split("|"):
                continue
            if r["type"] and r["type"] != self.type[p["group"]]:
                continue
            if r["group"] and r["group"] != p["group"]:
                continue
            if not p["item"].startswith(r["item"].upper()):
                continue
            if r["line_class"] and r["line_class"] != p["klass"]:
                continue
            low, high = r["amount_from"], r["amount_below"]
            if amount is None and (low is not None or high is not None):
                continue
            if low is not None and amount is not None and amount < low:
                continue
            if high is not None and amount is not None and amount >= high:
                continue
            return "packaged" if r["action"] == "packaged" else "apart"
        return "alone"

    def pack(self, p: Row, kind: str) -> None:
        found = self.outcome(p, kind, p["amount"])
        if p["kind"] == "line" and p["amount"] is None and self.may_differ(p, kind):
            p.update(action="undecided", why="amount_missing")
        elif found == "packaged":
            p.update(action="packaged", why="packaging_rule")
        else:
            p.update(action="paid", why="apart_rule" if found == "apart" else "alone")
            p["share"] = Fraction(1)
            if p["kind"] == "line" and self.type[p["group"]] == "per_diem":
                days = p["quantity"]
                if days is None or days.denominator != 1 or not 1 <= days <= 366:
                    p.update(action="undecided", why="quantity_unusable", share=None)
                else:
                    p["share"] = days

    def may_differ(self, p: Row, kind: str) -> bool:
        """Whether some rule on amounts, tried before any other holds, would say something else."""
        plain = self.outcome(p, kind, None)
        for r in sorted(self.t["packaging"], key=lambda r: r["sort"]):
            alone = {**r, "amount_from": None, "amount_below": None}
            whole, self.t["packaging"] = self.t["packaging"], [alone]
            suits = self.outcome(p, kind, None) != "alone"
            self.t["packaging"] = whole
            if not suits:
                continue
            if r["amount_from"] is None and r["amount_below"] is None:
                return False
            if (r["action"] == "packaged") != (plain == "packaged"):
                return True
        return False
