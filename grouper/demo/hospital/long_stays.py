"""A month's long stays with their assessments and lines, day by day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from grouper.demo.hospital.catalogue import items
from grouper.demo.hospital.chains import YEAR, discharge_days, volume
from grouper.demo.hospital.inpatients import (
    DAY,
    EMPLOYEE,
    MINUTE,
    RESIDENT,
    person_types,
    seconds,
    whole_years,
)
from grouper.demo.hospital.lines import Lines, chained, lines_of
from grouper.demo.hospital.plan import month_name, stream
from grouper.demo.hospital.planting import FAULT, Planted
from grouper.demo.hospital.tables import toml

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.demo.hospital.inpatients import Front
    from grouper.demo.hospital.world import Array, World

_HOME = "1"
_BAD_SWALLOW, _GOOD_SWALLOW = (3, 5), (1, 2)
_FLAG = 0.5
_EPOCH = date(1970, 1, 1)
_WEEK = 7


@dataclass(frozen=True, slots=True)
class LongStays:
    """A month's long stays: columns, lines in order, numbers of departments and physicians, faults."""

    front: Front
    lines: Lines
    departments: Array
    physicians: Array
    planted: list[Planted]

    def __len__(self) -> int:
        return len(self.departments)


def long_stays(world: World, month: int) -> LongStays:
    """The long stays that end in a month.

    Args:
        world: the hospital.
        month: the month.
    """
    chance = stream(world.seed, month, "long stays")
    plan = toml("long_stay.toml")
    # Their number is small: rounded by chance, so that two years come to what is wanted.
    count = max(1, int(volume(world, month, "long_stay") + chance.random()))
    least, most = plan["days"]
    drawn = np.exp(
        np.log(plan["mean"]) - plan["sd_log"] ** 2 / 2 + plan["sd_log"] * chance.normal(size=count)
    )
    los = np.clip(np.rint(drawn), least, most).astype(np.int64)
    discharge = np.sort(discharge_days(month, "discharges", chance, count))
    admission = discharge - los
    mean, deviation, young, old = plan["ages"]
    age = np.clip(mean + deviation * chance.normal(size=count), young, old)
    birth = admission - np.floor(age * YEAR).astype(np.int64)
    years = whole_years(birth, admission)
    employee = chance.random(count) < plan["employee"]
    female = chance.random(count) < plan["female"]
    start = seconds(admission, chance.integers(8 * 60, 16 * 60, count))
    end = seconds(discharge, chance.integers(9 * 60, 12 * 60, count))
    codes = [row["code"] for row in toml("hospital.toml")["departments"]]
    department = codes.index(plan["department"])
    own = world.doctors[department]
    physicians = own[chance.integers(0, len(own), count)]
    principals = list(plan["diagnoses"])
    shares = np.array(list(plan["diagnoses"].values()), float)
    dx = [principals[at] for at in chance.choice(len(shares), count, p=shares / shares.sum())]
    label = month_name(month)[2:].replace("-", "")
    front: Front = {
        "case_id": [f"LS{label}{at:04d}" for at in range(count)],
        "person": [f"L{label}{at:04d}" for at in range(count)],
        "insurance_type": np.where(employee, EMPLOYEE, RESIDENT).tolist(),
        "person_type": person_types(employee, years),
        "visit_type": [plan["visit_type"]] * count,
        "admission_number": [1] * count,
        "sex": np.where(female, 2, 1).tolist(),
        "birth_date": birth.tolist(),
        "age": years.tolist(),
        "admission_time": start.tolist(),
        "discharge_time": end.tolist(),
        "discharge_way": [_HOME] * count,
        "department": [plan["department"]] * count,
        "admission_department": [plan["department"]] * count,
        "physician": [world.physicians[at] for at in physicians],
        "los": los.tolist(),
        "dx": [[code, "I10.x00"] for code in dx],
        "dx_poa": [["1", "1"]] * count,
    }
    planted: list[Planted] = []
    assessed = [_assess(front, at, int(los[at]), chance, planted) for at in range(count)]
    for name in ("item", "value", "date", "type"):
        front[f"assessment_{name}"] = [[row[name] for row in rows] for rows in assessed]
    lines = _lines(start, los, assessed, chance)
    return LongStays(front, lines, np.full(count, department), physicians, planted)


def _assess(
    front: Front, at: int, los: int, chance: np.random.Generator, planted: list[Planted]
) -> list[dict[str, Any]]:
    """The items of all assessments of a stay: at admission, from time to time, at discharge."""
    plan = toml("long_stay.toml")
    stay = front["case_id"][at]
    day0 = front["admission_time"][at] // DAY
    days = [
        (0, "admission"),
        *((d, "periodic") for d in range(plan["every"], los, plan["every"])),
        (los, "discharge"),
    ]
    score = {
        name: mean + deviation * chance.normal()
        for name, (mean, deviation, *_) in plan["scores"].items()
    }
    flags = {name: int(chance.random() < share) for name, share in plan["flags"].items()}
    low, high = _BAD_SWALLOW if flags.pop("SWALLOW_BAD") else _GOOD_SWALLOW
    fixed = {"SWALLOW": int(chance.integers(low, high + 1)), **flags}
    gaps, drawn = plan["gaps"], chance.random()
    found = []
    for number, (day, kind) in enumerate(days):
        if kind == "admission" and drawn < gaps["missing_admission"]:
            planted.append(_fault(stay, "missing_assessment", gaps["rule"], gaps["admission_zh"]))
            continue
        values = dict(fixed)
        for name, (_, _, gain, least, most) in plan["scores"].items():
            values[name] = int(np.clip(round(score[name] + gain * number), least, most))
        # The Barthel index goes by steps of five.
        values["BARTHEL"] -= values["BARTHEL"] % 5
        if kind == "admission" and drawn > 1 - gaps["missing_item"]:
            del values["BARTHEL"]
            text = gaps["item_zh"].format(item="BARTHEL")
            planted.append(_fault(stay, "missing_assessment_item", gaps["rule"], text))
        on = _EPOCH + timedelta(days=int(day0 + day))
        found += [
            {"item": name, "value": str(value), "date": (on - _EPOCH).days, "type": kind}
            for name, value in values.items()
        ]
    return found


def _fault(stay: str, kind: str, rule: str, text: str) -> Planted:
    return Planted(stay, kind, FAULT, rule, text, 0)


def _lines(
    start: Array,
    los: Array,
    assessed: Sequence[Sequence[Mapping[str, Any]]],
    chance: np.random.Generator,
) -> Lines:
    """Bed, nursing, round, drugs and therapy of each day; tests each week; assessments."""
    plan = toml("long_stay.toml")
    place = {name: at for at, name in enumerate(items().name)}
    parts = []
    for stay, rows in enumerate(assessed):
        length = int(los[stay])
        therapies = chance.permutation([place[n] for n in plan["therapy"]])[
            : chance.integers(*plan["therapies"])
        ]
        drugs = chance.permutation([place[n] for n in plan["drugs"]])[
            : chance.integers(*plan["drugs_a_day"])
        ]
        every = [(place[n], 1) for n in plan["daily_items"]] + [(int(d), 1) for d in drugs]
        values = {row["item"]: row["value"] for row in rows}
        if values.get("O0100E2") == "1" or values.get("DIET_ALTERED") == "1":
            every.append((place[plan["tube"]], 1))
        if int(values.get("BARTHEL", 50)) < 20:  # noqa: PLR2004 -- bedridden by the Barthel index
            every.append((place[plan["sore"]], 1))
        days = np.arange(length)
        working = days[(days + stay) % _WEEK != _WEEK - 1]
        weekly = [place[name] for name in plan["weekly"]]
        wanted = [(days, item, units) for item, units in every]
        wanted += [(working, int(item), 1) for item in therapies]
        wanted += [(days[:: 2 * _WEEK], item, 1) for item in weekly]
        visited = np.array(sorted({row["date"] for row in rows}))
        visited = np.minimum(visited - visited[:1], length - 1) if len(visited) else visited
        wanted.append((np.unique(visited).astype(np.int64), place[plan["assessed"]], 1))
        for number, (on, item, units) in enumerate(wanted):
            time = start[stay] + on * DAY + number * 7 * MINUTE
            parts.append(lines_of(np.full(len(on), stay), time, item, units))
    return chained(parts).ordered()
