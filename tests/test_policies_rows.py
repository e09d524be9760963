"""Every row of the customer's list of policies stands in our files: same value, unit and days.

``data/policies_rows.csv`` is that list without its notes, and beside each row where it went: the
parameter (``path``), the keys of its dimensions, for a table the row (``column=value;…``) and the
cell, and how the list's spelling is read. ``ends`` is the first day on which it no longer holds,
where the list's last year is the one in which the value was raised.
"""

from __future__ import annotations

import csv
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from codebooks.policies.forms import Form, topic_forms
from codebooks.policies.policies import policies
from codebooks.policies.policy import Given

LIST = Path(__file__).parent / "data" / "policies_rows.csv"
TOLD = ("region", "topic", "parameter", "value", "unit", "valid_from", "valid_to")
UNITS = {
    "": ("",),
    "CNY": ("CNY",),
    "CNY per stay": ("CNY/stay",),
    "CNY per year": ("CNY/year",),
    "10000 CNY": ("CNY",),
    "days": ("days",),
    "months": ("months",),
    "stays": ("stays",),
    "visits": ("visits",),
    "leads": ("leads",),
    "institutions": ("institutions",),
    # A share, a factor and a number of diseases are bare numbers; of what, the name may say.
    "diseases": ("diseases", ""),
    "groups": ("",),
    "share": ("",),
    "factor": ("",),
    "share of bills": ("",),
    "share of contribution": ("",),
    "share of fund spending": ("share of fund spending", ""),
}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


ROWS = rows(LIST)


def named(row: dict[str, str]) -> str:
    return "-".join((row["region"], row["topic"], row["parameter"]))


def test_the_list_is_the_customers(facts: Path) -> None:
    """The figures of the list are the customer's, none left out."""
    theirs = [tuple(row[name] for name in TOLD) for row in rows(facts / "policies.csv")]
    assert [tuple(row[name] for name in TOLD) for row in ROWS] == theirs


def test_no_two_rows_went_to_one_place() -> None:
    places = [
        tuple(row[n] for n in ("region", "path", "keys", "row", "cell", "reading", "valid_from"))
        for row in ROWS
    ]
    assert len(places) == len(set(places)) == 61


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_each_row_stands_in_our_files(row: dict[str, str]) -> None:
    start = first_day(row["valid_from"])
    end = first_day(row["ends"]) if row["ends"] else day_after(row["valid_to"])
    found = [one for one in policies().given(row["region"]) if one.path == row["path"]]
    told = [one for one in found if held_between(one, start, end)]
    assert told, "nothing is given"
    assert min(one.valid_from for one in told) <= start
    assert end is not None or told[-1].valid_to is None
    wanted = WANTED.get(row["reading"], number)(row["value"])
    for one in told:
        assert read(one, row) == wanted
        assert one.source
        # What the list says is no assumption; where other keys beside it are, the note says which.
        method = row["reading"].startswith("method ")
        assert method or not one.assumption or "材料所载" in one.note
    # It neither began before nor goes on after, but as an assumption.
    for day in (start - timedelta(days=1), *([end] if end else [])):
        assert all(one.assumption or read(one, row) != wanted for one in found if one.covers(day))
    assert form_of(row).unit in UNITS[row["unit"]]


@pytest.mark.parametrize(
    ("region", "path", "day", "keys", "value"),
    [
        ("baicheng", "benefit.ceiling", "2014-12-24", ("inpatient", "employee"), "40000"),
        ("ningde", "fund_warning.months_payable", "2021-12-31", ("employee",), "18.52"),
        ("ningde", "fund_warning.months_payable", "2021-12-31", ("resident",), "4.89"),
        ("zhanjiang", "critical_illness.threshold", "2009-06-01", (), "15000"),
        ("zhanjiang", "critical_illness.ceiling", "2010-06-01", ("resident", "plan_20"), "80000"),
        ("zhanjiang", "critical_illness.ceiling", "2010-06-01", ("resident", "plan_50"), "100000"),
        ("shucheng", "critical_illness.threshold_factor", "2022-06-01", ("subsistence",), "0.5"),
        ("shucheng", "critical_illness.ratio_bonus", "2022-06-01", ("subsistence",), "0.05"),
        (
            "shucheng",
            "observations.effective_ratio_with_critical",
            "2022-03-01",
            ("resident",),
            "0.61",
        ),
        ("shucheng", "observations.quota_inpatient_fund", "2022-03-01", (), "28270000"),
        ("shucheng", "observations.quota_outpatient_fund", "2022-03-01", (), "8343000"),
        ("shucheng", "observations.same_disease_stays", "2022-03-01", (), "280"),
        ("shucheng", "observations.same_disease_cost", "2022-03-01", (), "970000"),
        ("shucheng", "chronic_outpatient.two_disease_fund_paid", "2022-03-01", (), "677000"),
        ("baicheng", "global_budget.hospitals_under", "2015-06-01", (), "6"),
        ("baicheng", "global_budget.hospitals_all", "2015-06-01", (), "27"),
        ("baicheng", "audit.leads_confirmed", "2015-06-01", (), "100"),
        ("baicheng", "audit.recovered", "2015-06-01", (), "800000"),
        ("jinhua", "observations.example_left_under", "2021-06-01", (), "50000"),
    ],
)
def test_the_figures_of_the_notes_stand_too(
    region: str, path: str, day: str, keys: tuple[str, ...], value: str
) -> None:
    on = date.fromisoformat(day)
    (found,) = [g for g in policies().given(region) if g.path == path and g.covers(on)]
    assert dict(found.by_keys())[keys] == Decimal(value)


def test_the_notes_of_critical_illness_stand_too() -> None:
    ratios = policies().periods("xiamen")
    (before,) = [p for p in ratios if p.valid_from <= date(2013, 12, 31) < p.valid_to]
    found = before.value("critical_illness.ratios", insurance="resident")
    assert [row["ratio"] for row in found.value] == [Decimal("0.70")]
    (poor,) = [g for g in policies().given("shucheng") if g.path == "critical_illness.has_ceiling"]
    assert poor.value["*"] == {"extreme": False, "subsistence": False, "*": True}


def held_between(one: Given, start: date, end: date | None) -> bool:
    begins_in_time = end is None or one.valid_from < end
    return begins_in_time and (one.valid_to is None or one.valid_to > start)


def form_of(row: dict[str, str]) -> Form:
    topic, parameter = row["path"].split(".")
    form = topic_forms()[topic].parameters[parameter]
    return form.columns[row["cell"]] if row["cell"] else form


def first_day(text: str) -> date:
    """``2021``, ``2021-10`` or ``2021-10-01``."""
    return date.fromisoformat((text + "-01-01")[:10])


def day_after(text: str) -> date | None:
    """The day after the last that a year or a month stands for."""
    if not text:
        return None
    year, month = int(text[:4]), int(text[5:7] or 12)
    return date(year + month // 12, month % 12 + 1, 1)


def read(one: Given, row: dict[str, str]) -> Any:
    value = one.value
    for key in row["keys"].split():
        if not isinstance(value, dict) or key not in value:
            return None
        value = value[key]
    if row["reading"].startswith("method "):
        return row["reading"].split()[1] in {rule["method"] for rule in value or ()}
    if row["row"]:
        asked = dict(pair.split("=") for pair in row["row"].split(";"))
        met = [r for r in value or () if all(cell(r[n]) == v for n, v in asked.items())]
        value = met[0][row["cell"]] if len(met) == 1 else None
    return READ.get(row["reading"], lambda value: value)(value)


def cell(value: Any) -> str:
    return "|".join(value) if isinstance(value, tuple) else "" if value is None else str(value)


def number(text: str) -> Any:
    return Decimal(text)


def words(value: Any) -> set[str]:
    """Texts, a choice, or the English names of a table's rows, without regard to their dashes."""
    texts = (value,) if isinstance(value, str) else value or ()
    return {plainly(text["en"] if isinstance(text, dict) else text) for text in texts}


def plainly(text: str) -> str:
    return text.replace("_", " ").replace("-", " ").strip()


COORDINATION = {
    "referral record": "转诊备案",
    "code mapping": "编码对照",
    "fee review": "费用审核",
    "settlement": "结算",
}


def plans(text: str) -> dict[str, Decimal]:
    """The upper ends of ``20 CNY plan: 15000 to 50000; …``; the lower is the threshold."""
    found = re.findall(r"(\d+) CNY plan: 15000 to (\d+)", text)
    return {f"plan_{plan}": Decimal(end) for plan, end in found}


READ = {
    "sections": lambda texts: len(texts or ()),
    "words": words,
    "grades": lambda table: {r["grade"]: r["institutions"] for r in table or ()},
}
WANTED = {
    "plans": plans,
    "sections": lambda text: {"three sections": 3}[text],
    "coordination": lambda text: tuple(COORDINATION[one.strip()] for one in text.split(";")),
    "ten thousands": lambda text: Decimal(text) * 10000,
    "words": lambda text: {plainly(one) for one in text.split(";")},
    "grades": lambda text: {p.split()[0]: int(p.split()[1]) for p in text.split(";")},
    "stated": lambda text: text == "",
    **{
        f"method {name}": lambda _text: True
        for name in ("drg_points", "apg_points", "pdpm_points", "dip_score", "drg_rate")
    },
}
