"""Tables that the US books and the Jinhua form have in common."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pdpm.sources import csv_rows, toml
from pdpm.terms import condition_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pdpm.sources import Sources

Rows = dict[str, list[dict[str, Any]]]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXY"
PUBLISHED, ASSUMPTION, DERIVED = "published", "assumption", "derived"
_GG = "GG"
_LAST_STEP, _LAST_DAY, _FIRST_FALL = 98, 91, 21


def add_condition(rows: Rows, key: str, name: str, name_en: str, when: list[str], how: str) -> str:
    """Add a condition and give its name back."""
    rows["conditions"] += condition_rows(key, name, name_en, when, how)
    return key


def items(skipped: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The items of the MDS but those that are replaced."""
    return [
        {**row, "absent": int(row["absent"]), "warns": row["warns"] == "yes"}
        for row in csv_rows("items.csv")
        if row["item"] not in skipped
    ]


def requirements(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of requirements out of their lists of alternatives."""
    rows = []
    for entry in entries:
        for number, alternative in enumerate(entry["any"], 1):
            for term in alternative:
                item, _, value = term.partition("=")
                named = {k: entry[k] for k in ("requirement", "name", "name_en")}
                rows.append({**named, "alternative": number, "item": item, "value": value})
    return rows


def gg_scores(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of the function scores: whole items, and means of two or three."""
    rows = []

    def add(entry: dict[str, Any], part: str, members: list[str], zero_if: str) -> None:
        for item in members:
            row = {k: entry[k] for k in ("score", "name", "name_en")}
            row |= {"part": part, "item": item, "scale": _GG, "numerator": 1}
            row |= {"denominator": len(members), "zero_if": zero_if, "standing": PUBLISHED}
            rows.append(row)

    for entry in entries:
        for item in entry["whole"]:
            add(entry, item, [item], "")
        for members in entry["means"]:
            add(entry, members[0], members, "")
        if entry["walking"]:
            add(entry, "walking", entry["walking"], "cannot_walk")
    return rows


def gg_scale(points: Mapping[str, int]) -> list[dict[str, Any]]:
    """Points of the codes of section GG; codes that the facts score 0 need no row."""
    return [
        {"scale": _GG, "value": int(code), "points": number}
        for codes, number in points.items()
        for code in codes.split(",")
        if number
    ]


def measures(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of measures, with the lists of diagnoses among the ancillary points."""
    rows = []
    for entry in entries:
        named = {k: entry[k] for k in ("measure", "name", "name_en")}
        points = dict(entry["points"])
        if entry["measure"] == "ANCILLARY":
            points |= {r["list"]: int(r["nta"]) for r in csv_rows("lists.csv") if r["nta"]}
        rows += [{**named, "subject": s, "points": n} for s, n in points.items()]
    return rows


def lists() -> list[dict[str, Any]]:
    """The lists of diagnoses."""
    return csv_rows("lists.csv")


def decay(standing: str) -> list[dict[str, Any]]:
    """PT and OT: whole to day 20, then 0.02 less every 7 days to 0.76; NTA: threefold on 3 days."""
    rows: list[dict[str, Any]] = [
        {"curve": "PTOT", "day_from": 1, "day_to": 20, "share": 1},
        *(
            {
                "curve": "PTOT",
                "day_from": day,
                "day_to": day + 6 if day <= _LAST_DAY else None,
                "share": Decimal(98 - 2 * step) / 100,
            }
            for step, day in enumerate(range(_FIRST_FALL, _LAST_STEP + 1, 7))
        ),
        {"curve": "NTA", "day_from": 1, "day_to": 3, "share": 3},
        {"curve": "NTA", "day_from": 4, "day_to": None, "share": 1},
    ]
    return [{**row, "standing": standing} for row in rows]


def therapy_groups(rows: Rows, tables: Mapping[str, Any], names: list[str], how: str) -> None:
    """Groups of therapy: clinical categories by bands of the function score."""
    us = toml("us.toml")
    bands = tables["ptot_groups"]["score_bands"]
    for place, name in enumerate(names):
        category = us["categories"][place // len(bands)]
        low, high = bands[place % len(bands)]
        band = f"{low}–{high}" if low < high else f"{low}"
        zh = f"{category['name']}，功能 {band} 分"
        en = f"{category['name_en']}, score {band.replace('–', ' to ')}"
        when = f"CATEGORY in {category['category']} & FUNCTION >= {low} & FUNCTION <= {high}"
        key = add_condition(rows, f"therapy_{name}", zh, en, [when], how)
        add_group(rows, "PTOT", name, LETTERS[place], zh, en, key)


def nursing_groups(rows: Rows, how: str) -> None:
    """Groups of nursing in the order in which they are asked."""
    for place, entry in enumerate(toml("us.toml")["nursing"]):
        zh, en = entry["name"], entry["name_en"]
        key = f"nursing_{entry['group']}"
        add_condition(rows, key, zh, en, entry["when"].split(" | "), how)
        add_group(rows, "NURSING", entry["group"], LETTERS[place], zh, en, key)


def ancillary_groups(rows: Rows, tables: Mapping[str, Any], how: str) -> None:
    """Groups of ancillaries by points."""
    for letter, band in tables["nta_bands"].items():
        low = int(band.strip(">=").partition("-")[0])
        words = band.replace(">=", "≥ ").replace("-", "–")
        zh, en = f"NTA {words} 点", f"NTA points {words.replace('–', ' to ')}"
        when = [f"ANCILLARY >= {low}"]
        key = add_condition(rows, f"ancillary_N{letter}", zh, en, when, how)
        add_group(rows, "NTA", f"N{letter}", letter, zh, en, key)


def add_group(
    rows: Rows, axis: str, group: str, letter: str, name: str, name_en: str, condition: str
) -> None:
    """Add one group, after those that are there."""
    row = {"group": group, "axis": axis, "letter": letter, "name": name, "name_en": name_en}
    rows["groups"].append({**row, "condition": condition, "sort": len(rows["groups"]) + 1})


def categories(rows: Rows, how: str) -> None:
    """What an operation leads to goes before the default of the diagnosis."""
    entries = toml("us.toml")["categories"]
    for part in ("operation", "default"):
        for entry in entries:
            if entry[part]:
                key = f"category_{entry['category']}_{part}"
                zh, en = entry["name"], entry["name_en"]
                add_condition(rows, key, zh, en, [entry[part]], how)
                row = {k: entry[k] for k in ("category", "kind", "name", "name_en")}
                row |= {"condition": key, "sort": len(rows["categories"]) + 1}
                rows["categories"].append(row)


def list_codes(found: Mapping[str, set[str]], basis: str) -> list[dict[str, Any]]:
    """The codes of the lists, sorted."""
    return [
        {"list": row["list"], "code": code, "basis": basis}
        for row in csv_rows("lists.csv")
        for code in sorted(found[row["source"]])
    ]


def diagnoses(sources: Sources) -> list[dict[str, Any]]:
    """What the CMS map says of each ICD-10-CM code, dotted."""
    facts, whole = sources.clinical_categories(), sources.whole_map()
    by_name = {r["default_clinical_category"]: r for r in facts.values()}
    rows = []
    for code, category in sorted(whole.items()):
        row = facts.get(code)
        basis = "facts"
        if row is None:
            # 34,873 codes that are returned to the provider, and U07.1, which the facts leave out.
            basis = "PyPDPM 0.0.5.22"
            like = by_name.get(category, {"pt_ot_category": "0", "slp_acute_neurologic": "1"})
            row = {**like, "surgery_eligibility": "1"}
        rows.append(
            {
                "code": dotted(code),
                "category": int(row["pt_ot_category"]),
                "clinical_category": category,
                "neurologic": int(row["slp_acute_neurologic"]) - 1,
                "surgery": int(row["surgery_eligibility"]),
                "basis": basis,
            }
        )
    return rows


def dotted(code: str) -> str:
    """An ICD-10-CM code with its dot."""
    return f"{code[:3]}.{code[3:]}".rstrip(".")
