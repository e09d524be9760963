"""The planted violations: lines that are added or thinned out, codes that do not belong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.codes import code_set
from grouper.demo.hospital.catalogue import items
from grouper.demo.hospital.inpatients import DAY, MINUTE, ZONE_SECONDS
from grouper.demo.hospital.lines import UNMARKED, chained, lines_of
from grouper.demo.hospital.planting import FAULT, VIOLATION
from grouper.demo.hospital.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.demo.hospital.inpatients import Front
    from grouper.demo.hospital.planting import Field
    from grouper.demo.hospital.world import Array

_AT = 16 * 60
"""Minute of the day of lines that stand by themselves."""


def plant(field: Field) -> None:
    """Plant everything of the table on a month; its lines are in order afterwards."""
    table = toml("planted.toml")
    for row in table["thinned"]:
        _thin(field, row)
    for row in table["lines"]:
        if "beside" in row or "beside_class" in row:
            _beside(field, row)
        else:
            _alone(field, row)
    for row in table["coded"]:
        _code(field, row, VIOLATION)
    for row in table["faults"]:
        _code(field, row, FAULT)
    field.lines = field.lines.ordered()


def _beside(field: Field, row: Mapping[str, Any]) -> None:
    """Add a line beside one that is there."""
    table, lines = items(), field.lines
    if "beside" in row:
        there = lines.item == table.places[row["beside"]]
    else:
        there = (np.array(table.kind) == row["beside_class"])[lines.item] & (lines.quantity > 0)
    fit = field.fitting(row.get("need", {}))
    # Any of a stay's lines, not always its first.
    at = field.chance.permutation(np.flatnonzero(there & fit[lines.stay]))
    stays, first = np.unique(lines.stay[at], return_index=True)
    chosen = field.pick(row, stays)
    at = at[first[np.isin(stays, chosen)]]
    time = lines.time[at] + row.get("after_days", 0) * DAY
    if not row.get("same_time"):
        time = time + MINUTE
    if "after_discharge_days" in row:
        time = field.month.end[lines.stay[at]] + row["after_discharge_days"] * DAY
    same = np.array([table.places[code] for code in row.get("items", ())][:1])
    item = np.broadcast_to(same, len(at)) if len(same) else lines.item[at]
    quantity = lines.quantity[at] if row.get("same_time") else np.ones(len(at), np.int64)
    marks = [
        field.record(int(stay), row, VIOLATION, item=table.name[i])
        for stay, i in zip(lines.stay[at], item, strict=True)
    ]
    field.lines = chained(
        [lines, lines_of(lines.stay[at], time, item, quantity, np.array(marks, np.int64))]
    )


def _alone(field: Field, row: Mapping[str, Any]) -> None:
    """Add lines on days of their own, the first ones perhaps in order."""
    table, month = items(), field.month
    codes = [table.places[code] for code in row["items"]]
    stays = field.pick(row, np.flatnonzero(field.fitting(row.get("need", {}))))
    days = row.get("days", 1)
    marks = np.array(
        [field.record(int(s), row, VIOLATION, item=table.name[codes[-1]]) for s in stays], np.int64
    )
    begins = month.operation[stays] if row.get("operation") else np.zeros(len(stays), np.int64)
    parts = [field.lines]
    for number in range(days * len(codes)):
        day, item = begins + number // len(codes), codes[number % len(codes)]
        wrong = number >= row.get("marked_from", 0)
        parts.append(
            lines_of(
                stays,
                _inside(field, stays, np.minimum(day, month.los[stays] - 1), number % len(codes)),
                item,
                row.get("quantity", 1),
                marks if wrong else UNMARKED,
            )
        )
    field.lines = chained(parts)


def _inside(field: Field, stays: Array, day: Array, place: int) -> Array:
    """A second of a day of each stay, within the stay."""
    start, end = field.month.start[stays], field.month.end[stays]
    midnight = start + ZONE_SECONDS - (start + ZONE_SECONDS) % DAY
    wanted = midnight + day * DAY + (_AT + place) * MINUTE - ZONE_SECONDS
    latest = np.minimum(end, midnight + (day + 1) * DAY - ZONE_SECONDS - MINUTE)
    found: Array = np.clip(wanted, start, latest)
    return found


def _thin(field: Field, row: Mapping[str, Any]) -> None:
    """Leave only some fee classes of a stay, from a day on."""
    stays = field.pick(row, np.flatnonzero(field.fitting(row["need"])))
    lines, month = field.lines, field.month
    midnight = month.start + ZONE_SECONDS - (month.start + ZONE_SECONDS) % DAY
    day = (lines.time + ZONE_SECONDS - midnight[lines.stay]) // DAY
    kept = np.isin(np.array(items().kind)[lines.item], row["keep"])
    hit = np.isin(lines.stay, stays)
    field.lines = lines.take(~hit | kept | (day < row["from_day"]))
    amount = field.lines.amount()
    for stay in stays:
        fen = int(amount[field.lines.stay == stay].sum())
        field.record(int(stay), row, VIOLATION, fen=fen, day=row["from_day"] + 1)


def _code(field: Field, row: Mapping[str, Any], sort: str) -> None:
    """Change a front page."""
    front = field.month.front
    for place in field.pick(row, np.flatnonzero(field.fitting(row.get("need", {})))):
        at = int(place)
        old, new = front["dx"][at][0], _changed(front, at, row)
        if "add_fen" in row:
            front.setdefault("added_fen", [0] * len(field.month))[at] = row["add_fen"]
        amount = f"{row.get('add_fen', 0) / 100:.2f}"
        fen = row.get("add_fen", 0) if sort == FAULT else int(field.month.stays.cost[at] * 100)
        field.record(at, row, sort, fen=fen, old=old, new=_named(new), amount=amount)


def _changed(front: Front, at: int, row: Mapping[str, Any]) -> str:
    """Change one front page as a row says; gives the code that was put."""
    for column in row.get("empty", ()):
        front[column][at] = None
    if row.get("no_procedures"):
        for column in ("px", "px_date", "px_level"):
            front[column][at] = []
    if "principal" in row:
        front["dx"][at] = [row["principal"] or None, *front["dx"][at][1:]]
        if not row["principal"]:
            front["dx_poa"][at] = [None, *front["dx_poa"][at][1:]]
    if "main_procedure" in row:
        front["px"][at] = [row["main_procedure"], *front["px"][at][1:]]
    if "other" in row:
        front["dx"][at] = [*front["dx"][at], row["other"]]
        front["dx_poa"][at] = [*front["dx_poa"][at], "1"]
    found = row.get("principal") or row.get("main_procedure") or row.get("other") or ""
    return str(found)


def _named(code: str) -> str:
    """A code with its name where the insurance edition has one."""
    name = code_set("icd10-nhsa-2.0").name(code) or code_set("icd9cm3-nhsa-2.0").name(code)
    return f"{code} {name}" if name else code
