"""A small outpatient book whose answers can be worked out by hand, and random ones like it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from codebooks.book import BookCard, SchemeBook, table_book

LENS, CAPSULE, LID, STOMACH, SKIN = (
    "13.4100x001", "13.7100", "08.2000", "45.1600", "86.3x02",
)  # fmt: skip
MOSTLY = (True, True, False)
COLD, PRESSURE = "J06.900", "I10.x00x002"
PACKING = {
    "visit": "", "type": "", "group": "", "item": "", "line_class": "",
    "amount_from": None, "amount_below": None, "note": "",
}  # fmt: skip
GROUPS = [
    # group, type, consolidation class, weight
    ("LENS", "procedure", "eye", "6"),
    ("LID", "procedure", "eye", "2"),
    ("GUT", "procedure", "", "3"),
    ("SKIN", "procedure", "", "1"),
    ("COLD", "medical", "", "0.8"),
    ("HEART", "medical", "", "1.2"),
    ("SEEN", "visit", "", "0.1"),
    ("LAB", "ancillary", "", "0.2"),
    ("MRI", "ancillary", "", "2.5"),
    ("NURSE", "incidental", "", "0.3"),
    ("DRUG", "drug", "", "0.5"),
    ("STUFF", "material", "", "0.4"),
    ("BED", "per_diem", "", "0.7"),
    ("OPLINE", "procedure", "line", "1.5"),
]


def packing(rule: str, action: str, **conditions: Any) -> dict[str, Any]:
    """A packaging rule; ``sort`` is set by its place."""
    return {**PACKING, "rule": rule, "action": action, **conditions}


def rows(**changes: Any) -> dict[str, list[dict[str, Any]]]:
    """The tables, some of them replaced."""
    found: dict[str, list[dict[str, Any]]] = {
        "groups": [
            {"group": g, "name": f"name of {g}", "type": t, "consolidation": c, "source": "test"}
            for g, t, c, _ in GROUPS
        ],
        "procedures": [
            {"code": "13", "group": "LENS"},
            {"code": "08.2", "group": "LID"},
            {"code": STOMACH, "group": "GUT"},
            {"code": "86", "group": "SKIN"},
            {"code": "89", "group": "NURSE"},
        ],
        "diagnoses": [{"code": "J", "group": "COLD"}, {"code": "I10", "group": "HEART"}],
        "items": [
            {"code": "002102", "length": 15, "line_class": "", "group": "MRI"},
            {"code": "", "length": None, "line_class": "01", "group": "BED"},
            {"code": "", "length": None, "line_class": "02", "group": "SEEN"},
            {"code": "", "length": None, "line_class": "04", "group": "LAB"},
            {"code": "", "length": None, "line_class": "06", "group": "OPLINE"},
            {"code": "", "length": None, "line_class": "07", "group": "NURSE"},
            {"code": "", "length": None, "line_class": "08", "group": "STUFF"},
            {"code": "", "length": None, "line_class": "09", "group": "DRUG"},
        ],
        "packaging": [
            packing("incidental", "packaged", type="incidental"),
            packing("mri", "paid", visit="procedure|medical", group="MRI"),
            packing("seen", "packaged", visit="procedure|medical", type="visit"),
            packing("dear", "paid", visit="procedure|medical", amount_from=Decimal(500)),
            packing("cheap", "packaged", visit="procedure|medical", type="ancillary"),
            packing("drug", "packaged", visit="procedure|medical", type="drug"),
        ],
        "lists": [
            {"list": "never_pay", "kind": "item", "code": "NEVER", "companion": "", "source": ""},
            {"list": "not_alone", "kind": "group", "code": "STUFF", "companion": "", "source": ""},
            {"list": "not_alone", "kind": "item", "code": "HERB", "companion": "group",
             "source": ""},
        ],
        "rates": [
            {"rate": "first", "type": "procedure", "share": Decimal(1), "source": ""},
            {"rate": "further", "type": "procedure", "share": Decimal("0.5"), "source": ""},
            {"rate": "repeat", "type": "ancillary", "share": Decimal("0.5"), "source": ""},
            {"rate": "bilateral", "type": "procedure", "share": Decimal("1.5"), "source": ""},
            {"rate": "terminated", "type": "procedure", "share": Decimal("0.5"), "source": ""},
        ],
        "weights": [weight(g, w) for g, _, _, w in GROUPS],
    }  # fmt: skip
    found |= changes
    for place, row in enumerate(found["packaging"], 1):
        row["sort"] = place
    return found


def weight(
    group: str, value: str, start: date | None = None, end: date | None = None
) -> dict[str, Any]:
    """A row of weights."""
    return {
        "group": group,
        "valid_from": start,
        "valid_to": end,
        "weight": Decimal(value),
        "cases": None,
        "mean_cost": None,
        "source": "test",
    }


def small_book(options: dict[str, Any] | None = None, **changes: Any) -> SchemeBook:
    """The book, with other options or tables."""
    card = BookCard(
        id="apg-small",
        family="apg",
        region="national",
        valid_from=date(2020, 1, 1),
        valid_to=None,
        diagnosis_code_set="icd10-nhsa-2.0",
        procedure_code_set="icd9cm3-nhsa-2.0",
        newborn_weight="",
        standing="test",
        source="test",
        options=options or {},
        kinds=("outpatient",),
    )
    return table_book(card, rows(**changes))


def random_book(seed: int) -> SchemeBook:
    """A book with random weights, rates, classes, packaging rules, lists and options."""
    rng = np.random.default_rng(seed)

    def pick(*values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    base = rows()
    items = list(base["items"])
    if rng.random() < 0.6:
        items.append({"code": "", "length": None, "line_class": "", "group": pick("LAB", "DRUG")})
    if rng.random() < 0.4:
        items.append(
            {"code": "0021", "length": None, "line_class": "", "group": pick("MRI", "BED")}
        )
    names = [g for g, *_ in GROUPS]
    for group in base["groups"]:
        if group["type"] == "procedure":
            group["consolidation"] = pick("", "a", "b")
    weights = []
    turn = date(2026, 3, 2)
    dated = rng.random() < 0.5
    for name in names:
        drawn = [str(pick("0", "0.333333", "1", "2", "2", "9999.999999")) for _ in range(2)]
        if dated:
            weights += [weight(name, drawn[0], None, turn), weight(name, drawn[1], turn)]
        else:
            weights.append(weight(name, drawn[0]))
    rates = [
        {**row, "share": Decimal(pick("0", "0.333333", "0.5", "1", "1.5", "2.000001"))}
        for row in base["rates"]
    ]
    rates += [
        {"rate": "repeat", "type": t, "share": Decimal(pick("0", "0.25", "1")), "source": ""}
        for t in ("drug", "visit", "per_diem", "incidental")
    ]
    packaging = [
        packing(
            f"r{n}",
            pick("packaged", "paid"),
            visit=pick("", "procedure", "medical|ancillary", "ancillary"),
            type=pick("", "", "ancillary", "drug", "material", "visit", "per_diem"),
            group=pick("", "", "", *names),
            item=pick("", "", "", "0021", "NEVER"),
            line_class=pick("", "", "", "04", "09"),
            amount_from=pick(None, None, Decimal("12.50"), Decimal(500)),
            amount_below=pick(None, None, Decimal(1000)),
        )
        for n in range(int(rng.integers(0, 7)))
    ]
    lists = [
        {
            "list": pick("never_pay", "not_alone"),
            "kind": kind,
            "code": pick(*codes),
            "companion": pick("", "group"),
            "source": "",
        }
        for kind, codes in (
            ("group", names),
            ("item", ["NEVER", "HERB", "00210200001"]),
            ("procedure", ["13", STOMACH, "86.3"]),
        )
        for _ in range(int(rng.integers(0, 3)))
    ]
    lists = list({(r["list"], r["kind"], r["code"]): r for r in lists}.values())
    options = {
        "consolidate_same_group": pick(*MOSTLY),
        "consolidate_related_groups": pick(*MOSTLY),
        "procedure_lines": pick("without_procedures", "always"),
        "medical_visit_needs_visit_line": not pick(*MOSTLY),
    }
    return small_book(
        options,
        groups=base["groups"],
        items=items,
        weights=weights,
        rates=rates,
        packaging=packaging,
        lists=lists,
    )
