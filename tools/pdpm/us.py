"""The US books: indices of FY2020 to FY2022 and of FY2024 to FY2026."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from codebooks.book import BookCard, SchemeBook, table_book
from pdpm import common
from pdpm.common import LETTERS, PUBLISHED, Rows
from pdpm.sources import toml

if TYPE_CHECKING:
    from decimal import Decimal

    from pdpm.sources import Sources

_SOURCE = (
    "CMS，SNF PDPM 各财年规则与 ICD-10-CM 对照表（公有领域），"
    "经 PyPDPM 0.0.5.22（MIT 许可）等公开副本整理"
)
_STANDING = (
    "分组规则与指数为公开内容；对照表为 2020 财年版，此后新增的编码不在其中。"
    "足部病变与糖尿病足溃疡的关系按本软件的理解（见 docs/PDPM.md）"
)
_OPTIONS: dict[str, bool | int | str] = {
    "code": "letters",
    "code_system": "icd10cm",
    "late_after_days": 8,
    "interval_days": 0,
    "day_places": 2,
}


def shared(sources: Sources) -> Rows:
    """The tables of every US book, but for factors and rates."""
    us, tables = toml("us.toml"), sources.tables()
    rows: Rows = {name: [] for name in ("groups", "conditions", "categories")}
    for key, entry in toml("conditions.toml").items():
        how = entry.get("standing", PUBLISHED)
        common.add_condition(rows, key, entry["name"], entry["name_en"], entry["any"], how)
    common.categories(rows, PUBLISHED)
    letters = tables["ptot_groups"]["letters"].replace(" ", "")
    common.therapy_groups(rows, tables, [f"T{x}" for x in letters], PUBLISHED)
    for cell in range(12):
        speech, diet = divmod(cell, 3)
        zh = f"言语指标 {speech} 项，吞咽与饮食指标 {diet} 项"
        en = f"{speech} speech indicators, {diet} swallowing and diet indicators"
        when = [f"SPEECH in {speech} & DIET in {diet}"]
        name = f"S{LETTERS[cell]}"
        key = common.add_condition(rows, f"speech_{name}", zh, en, when, PUBLISHED)
        common.add_group(rows, "SLP", name, LETTERS[cell], zh, en, key)
    common.nursing_groups(rows, PUBLISHED)
    common.ancillary_groups(rows, tables, PUBLISHED)
    rows["axes"] = [{**r, "sort": i} for i, r in enumerate(us["axes"], 1)]
    rows["components"] = [
        {**r, "points": 1 if r["axis"] else 0, "sort": i, "standing": PUBLISHED}
        for i, r in enumerate(us["components"], 1)
    ]
    rows["decay"] = common.decay(PUBLISHED)
    rows["diagnoses"] = common.diagnoses(sources)
    rows["lists"] = common.lists()
    codes = {k: {common.dotted(c) for c in v} for k, v in sources.lists().items()}
    rows["list_codes"] = common.list_codes(codes, "facts")
    for row in rows["list_codes"]:
        row["basis"] = "PyPDPM 0.0.5.22" if row["list"] == "hiv" else "facts"
    rows["items"] = common.items({})
    rows["requirements"] = common.requirements(us["requirements"])
    rows["scores"] = common.gg_scores(us["scores"])
    rows["scales"] = common.gg_scale(tables["gg_item_score"])
    rows["measures"] = common.measures(us["measures"])
    rows["assessment_types"] = [{**r, "sort": i} for i, r in enumerate(us["assessment_types"], 1)]
    return rows


def factors(rows: Rows, indices: dict[str, list[Decimal]]) -> list[dict[str, Any]]:
    """The index of each group in each component of its axis, in the order of the letters."""
    found = []
    for component in rows["components"]:
        groups = [g["group"] for g in rows["groups"] if g["axis"] == component["axis"]]
        for group, factor in zip(groups, indices.get(component["component"], []), strict=False):
            row = {"component": component["component"], "group": group}
            found.append({**row, "factor": factor, "standing": PUBLISHED})
    return found


def rates(
    rows: Rows, years: tuple[date, date], amounts: dict[str, dict[str, Decimal]], source: str
) -> list[dict[str, Any]]:
    """Base rates by area; null where they are not at hand."""
    return [
        {
            "component": component["component"],
            "area": area,
            "valid_from": years[0],
            "valid_to": years[1],
            "amount": amounts.get(area, {}).get(component["component"]),
            "source": source,
        }
        for area in ("urban", "rural")
        for component in rows["components"]
    ]


def books(sources: Sources) -> list[SchemeBook]:
    """Both US books."""
    tables = sources.tables()
    first, last = date(2019, 10, 1), date(2022, 10, 1)
    turn = date(2021, 10, 1)
    absent = "费率未随本软件提供"
    old = shared(sources)
    old["factors"] = factors(old, tables["cmi_fy2020_22"])
    known = {"urban": tables["base_urban_fy2022"], "rural": tables["base_rural_fy2022"]}
    old["rates"] = rates(old, (first, turn), {}, absent)
    old["rates"] += rates(old, (turn, last), known, "CMS FY2022")
    new = shared(sources)
    new["factors"] = factors(new, tables["cmi_fy2024_26"])
    years = (date(2023, 10, 1), date(2026, 10, 1))
    new["rates"] = rates(new, years, {}, absent)
    return [
        table_book(_card("us-pdpm-fy2022", first, last, "2020 至 2022 财年"), old),
        table_book(_card("us-pdpm-fy2024", *years, "2024 至 2026 财年"), new),
    ]


def _card(name: str, start: date, end: date, years: str) -> BookCard:
    return BookCard(
        id=name,
        family="pdpm",
        region="us",
        valid_from=start,
        valid_to=end,
        diagnosis_code_set="icd10cm",
        procedure_code_set="",
        newborn_weight="",
        standing=f"{years}。{_STANDING}",
        source=_SOURCE,
        options=_OPTIONS,
        kinds=("long_stay",),
    )
