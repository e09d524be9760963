"""A third, plain reading of the matching rules: slow, over texts, nothing shared with the engines.

Rows are dictionaries of lists: ``keys`` (diagnosis prefixes), ``second`` (prefixes of another
diagnosis), ``parts`` (the procedure, parts of alternatives), ``related`` (likewise), ``section``,
``treatment``, ``score``, ``mean_cost``. Cases have ``dx``, ``px`` and ``cost``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

KINDS = ["surgery", "therapeutic", "diagnostic", "conservative"]
Row = dict[str, Any]


class PlainReading:
    """One catalogue with its options and lists.

    Args:
        rows: the rows in order.
        options: of the card, all of them.
        excluded: what becomes of an excluded procedure; a list of prefixes is a restricted one.
        kinds: what each procedure is for.
        codes: every procedure there is, for prefixes.
    """

    def __init__(
        self,
        rows: list[Row],
        options: dict[str, Any],
        excluded: dict[str, Any],
        kinds: dict[str, str],
        codes: list[str],
    ) -> None:
        self.rows, self.options, self.excluded = rows, options, excluded
        self.kinds, self.codes = kinds, codes

    def group(self, case: dict[str, Any]) -> int | None:
        """The place of the row that takes a case."""
        dx = case["dx"]
        stated = [p for p in case["px"] if self.excluded.get(p) != "conservative"]
        counted = sorted(set(stated), key=stated.index)
        able = [p for p in counted if self.able(p, dx[0])]
        for sections, conservative in self.steps():
            holding = []
            for place, row in enumerate(self.rows):
                if row["section"] not in sections or self.is_conservative(row) != conservative:
                    continue
                if not any(dx[0].startswith(key) for key in row["keys"]):
                    continue
                if row["second"] and not any(
                    d.startswith(key) for d in dx[1:] if d != dx[0] for key in row["second"]
                ):
                    continue
                ways = self.ways(row, stated, counted, able)
                holding.extend((place, row, figures) for figures in ways)
            if holding:
                return min(holding, key=lambda one: self.rank(one, sections, case["cost"]))[0]
        return None

    def steps(self) -> list[tuple[list[str], bool]]:
        core, primary, comprehensive = (["HX"], False), (["JCB"], False), (["ZH"], False)
        if self.options["kind_order"] == "core_first":
            return [core, (["HX"], True), primary, (["JCB"], True), comprehensive, (["ZH"], True)]
        both = ["HX", "JCB"]
        return [(both, False), comprehensive, (both, True), (["ZH"], True)]

    def able(self, procedure: str, principal: str) -> bool:
        said = self.excluded.get(procedure)
        if isinstance(said, list):
            return any(principal.startswith(key) for key in said)
        return said is None

    @staticmethod
    def is_conservative(row: Row) -> bool:
        return row["treatment"] == "conservative" or not (row["treatment"] or row["parts"])

    def hits(self, procedure: str, part: list[str]) -> bool:
        for code in part:
            whole = not self.options["prefix_procedures"] or len(code) >= 7
            if procedure == code if whole else procedure.startswith(code):
                return True
        return False

    def ways(
        self, row: Row, stated: list[str], counted: list[str], able: list[str]
    ) -> list[dict[str, Any]]:
        """The ways in which the procedures meet a row: what its preferences compare."""
        if self.is_conservative(row):
            above = [p for p in able if self.kinds[p] != "conservative"]
            bars = able if self.options["conservative_when"] == "no_main" else above
            none = {"met": 0, "matched": 0, "full": 0, "kind": 3, "exact": not counted}
            return [] if bars else [none]
        if row["treatment"]:
            have = sorted({KINDS.index(self.kinds[p]) for p in able})
            if self.options["comprehensive_kind"] == "highest":
                have = have[:1]
            kind = KINDS.index(row["treatment"])
            none = {"met": 0, "matched": 0, "full": 0, "kind": kind, "exact": not counted}
            return [none] if kind in have else []
        several = row["parts"] if len(row["parts"]) > 1 else []
        related = row["related"]
        if self.options["all_related_required"]:
            related = [[code] for part in related for code in part]
        found = []
        mains = able[:1] if self.options["main_procedure_decides"] else able
        for main in mains:
            if not any(self.hits(main, part) for part in row["parts"]):
                continue
            beside = [p for p in counted if p != main]
            if stated.count(main) > 1 or self.options["related_from_main_list"] == "once":
                beside.append(main)
            first = [[p for p in counted if self.hits(p, part)] for part in several]
            rest = [[p for p in beside if self.hits(p, part)] for part in related]
            if not all(first):
                continue
            some = self.options["partial_related"] and not self.options["all_related_required"]
            if not all(rest) and not (some and any(rest)):
                continue
            met = sum(map(bool, first)) + sum(map(bool, rest))
            parts = [*row["parts"], *related]
            matched = [p for p in counted if any(self.hits(p, part) for part in parts)]
            meeting = [main, *(p for part in (*first, *rest) for p in part)]
            whole = all(rest)
            found.append(
                {
                    "met": met,
                    "matched": len(matched),
                    "full": 0 if not (several or related) else 2 if whole else 1,
                    "kind": min(KINDS.index(self.kinds[p]) for p in meeting),
                    "exact": whole and matched == counted,
                }
            )
        return found

    def rank(
        self, one: tuple[int, Row, dict[str, Any]], sections: list[str], cost: Decimal | None
    ) -> tuple[Any, ...]:
        place, row, figures = one
        if sections == ["ZH"] and row["treatment"] != "conservative":
            return (figures["kind"], place)
        if self.options["tie"] == "exact_then_score":
            score = row["score"]
            return (not figures["exact"], score is None, -(score or 0), place)
        mean = row["mean_cost"]
        far = (False, 0) if cost is None else (mean is None, abs(cost - (mean or cost)))
        return (
            figures["kind"],
            -figures["full"],
            -figures["met"],
            -figures["matched"],
            *far,
            place,
        )
