"""Every row of the customer's list of policies stands in our files: same value, unit and days.

``data/policies_rows.csv`` is that list without its notes, and beside each row where it went: the
parameter (``path``), the keys of its dimensions, for a table the row (``column=value;…``) and the
cell, and how the list's spelling is read.
"""

from __future__ import annotations

import csv
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
    start, end = first_day(row["valid_from"]), day_after(row["valid_to"])
    found = [one for one in policies().given(row["region"]) if one.path == row["path"]]
    told = [one for one in found if held_between(one, start, end)]
    assert told, "nothing is given"
    assert min(one.valid_from for one in told) <= start
    assert end is not None or told[-1].valid_to is None
    wanted = WANTED.get(row["reading"], number)(row["value"])
    for one in told:
        assert read(one, row) == wanted
        assert one.source
    # It neither began before nor goes on after.
    for day in (start - timedelta(days=1), *([end] if end else [])):
        assert [read(one, row) for one in found if one.covers(day)] != [wanted]
    assert form_of(row).unit in UNITS[row["unit"]]


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


READ = {
    "words": words,
    "grades": lambda table: {r["grade"]: r["institutions"] for r in table or ()},
}
WANTED = {
    "ten thousands": lambda text: Decimal(text) * 10000,
    "words": lambda text: {plainly(one) for one in text.split(";")},
    "grades": lambda text: {p.split()[0]: int(p.split()[1]) for p in text.split(";")},
    "stated": lambda text: text == "",
    **{
        f"method {name}": lambda _text: True
        for name in ("drg_points", "apg_points", "pdpm_points", "dip_score", "drg_rate")
    },
}
