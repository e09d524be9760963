"""Stays told plainly: what was known on a day of them, read entry by entry, and random stays to read.

It stands beside the arrays of :mod:`grouper.forecast` and shares no line with them.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import strategies as st

from codebooks.charlson import charlson_variant
from grouper.case.dates import LOCAL
from grouper.case.record import Case

ADMITTED = datetime(2026, 3, 2, tzinfo=LOCAL)
MARKS = {
    "icu": ("重症监护病房床位费",),
    "ventilation": ("呼吸机辅助呼吸",),
    "anaesthesia": ("全身麻醉",),
    "dialysis": ("血液透析", "血液滤过"),
    "blood": ("悬浮红细胞",),
    "radiotherapy": ("直线加速器放射治疗",),
}
"""Names of items that tell an event, as a bill writes them."""
NAMES = ("床位费", "血常规", "护理", *(name for names in MARKS.values() for name in names))
CLASSES = {
    1: "bed",
    2: "consultation",
    3: "examination",
    4: "laboratory",
    5: "treatment",
    6: "surgery",
    7: "nursing",
    8: "materials",
    9: "western",
    10: "herbal",
    11: "patent",
}
AT_ADMISSION = (
    *("case_id", "person", "hospital", "region", "kind", "insurance_type", "insured_region"),
    *("person_type", "aid_category", "visit_type", "admission_number", "sex", "birth_date"),
    *("age", "age_days", "birth_weight_g", "admission_weight_g", "weight_g", "admission_time"),
    *("admission_department", "code_system", "admission_dx"),
    *("year_deductible", "year_basic", "year_burden", "year_critical"),
)
"""What a stay's record holds from its beginning."""
AT_THE_END = (
    *("discharge_way", "discharge_status", "physician", "pathway", "px_modifier"),
    *("deductible_paid", "basic_paid", "fund_paid", "patient_paid"),
    *("assessment_item", "assessment_value", "assessment_date", "assessment_type"),
)
"""What no snapshot shows."""
COMPANIONS = {"dx": ("dx_poa", "dx_time"), "px": ("px_date", "px_level", "px_modifier")}
_FEN = Decimal("0.01")


def lines(case: Case) -> list[dict[str, Any]]:
    """The charge lines as records."""
    names = [n for n in Case.__dataclass_fields__ if n.startswith("line_")]
    lists = {name: getattr(case, name) for name in names}
    size = max(len(values) for values in lists.values())
    return [{n: v[at] if at < len(v) else None for n, v in lists.items()} for at in range(size)]


def with_lines(case: Case, kept: list[dict[str, Any]]) -> Case:
    """The case with these charge lines."""
    names = [n for n in Case.__dataclass_fields__ if n.startswith("line_")]
    return replace(case, **{name: tuple(line[name] for line in kept) for name in names})


def day_of(case: Case, when: datetime | date | None) -> int | None:
    """The day of the stay at whose end something is known; None: nobody says."""
    if when is None or case.admission_time is None:
        return None
    on = when.astimezone(LOCAL).date() if isinstance(when, datetime) else when
    return max(0, (on - case.admission_time.astimezone(LOCAL).date()).days) + 1


def days_of(case: Case) -> int:
    """The last day at whose end a finished stay still ran."""
    begin, end = case.admission_time, case.discharge_time
    assert begin is not None
    assert end is not None
    return (end.astimezone(LOCAL).date() - begin.astimezone(LOCAL).date()).days


def told(case: Case, when: datetime | date | None, day: int) -> bool:
    """Whether an entry of that time is known at the end of a day of the stay."""
    since = day_of(case, when)
    return since is not None and since <= day


def running(case: Case, day: int) -> Case:
    """The record as the ward had it at the end of a day of the stay: the future is cut off."""
    left: dict[str, Any] = {}
    for name, when in (("dx", "dx_time"), ("px", "px_date")):
        times = getattr(case, when) or (None,) * len(getattr(case, name))
        codes = getattr(case, name)
        keep = [at for at, time in enumerate(times) if codes[at] and told(case, time, day)]
        # Ranked lists: the first place stays, empty, while what stands there is not known.
        order = keep if not keep or keep[0] == 0 else [-1, *keep]
        for one in (name, *COMPANIONS[name]):
            values = getattr(case, one)
            left[one] = tuple(None if at < 0 else values[at] for at in order) if values else ()
    blank = {f: None for f in AT_THE_END if f != "px_modifier" and not f.startswith("assessment")}
    blank |= dict.fromkeys(("discharge_time", "department", "los", "icu_hours", "total_cost"))
    blank |= dict.fromkeys(("ventilator_hours", "scope_cost", "own_cost", "over_limit_cost"))
    cut = replace(case, **(left | blank), first_share_cost=None)
    # A line without an amount is none.
    charged = [line for line in lines(case) if line["line_amount"] is not None]
    return with_lines(cut, [line for line in charged if told(case, line["line_time"], day)])


def wards(case: Case, day: int) -> str | None:
    """The ward whose bed was charged last; at first the department of admission."""
    beds = [
        (line["line_time"], line["line_department"])
        for line in lines(case)
        if told(case, line["line_time"], day)
        and line["line_class"] == "01"
        and line["line_department"]
        and (line["line_amount"] or 0) > 0
    ]
    return max(beds)[1] if beds and day > 0 else case.admission_department


def parts(line: dict[str, Any]) -> tuple[Decimal, Decimal, Decimal, bool]:
    """Outside the catalogue, above the limit, first share, and whether that is not clear; in yuan."""
    amount = line["line_amount"] or Decimal(0)
    scope, limit, quantity = line["line_scope"], line["line_limit"], line["line_quantity"]
    if scope == "C":
        return amount, Decimal(0), Decimal(0), False
    if scope is None:
        return Decimal(0), Decimal(0), Decimal(0), True
    size, over, clear = abs(amount), Decimal(0), limit is None or quantity is not None
    if limit is not None and quantity is not None:
        over = max(Decimal(0), size - limit * abs(quantity)).quantize(_FEN, ROUND_HALF_UP)
    share = line["line_first_share"]
    clear &= scope == "A" or share is not None
    first = (size - over) * (share or 0) if scope == "B" else Decimal(0)
    first = first.quantize(_FEN, ROUND_HALF_UP)
    sign = -1 if amount < 0 else 1
    return Decimal(0), sign * over, sign * first, not clear


def known(case: Case, day: int) -> dict[str, Any]:
    """The fields of the case as it was known at the end of a day (0: at admission)."""
    cut = running(case, day)
    found: dict[str, Any] = {name: getattr(case, name) for name in AT_ADMISSION}
    found |= {name: getattr(cut, name) for name in ("dx", "dx_poa", "dx_time", "px", "px_date")}
    found["px_level"] = cut.px_level
    if case.admission_dx and (not found["dx"] or found["dx"][0] is None):
        found["dx"] = (case.admission_dx, *found["dx"][1:])
    charged = lines(cut)
    total = sum((line["line_amount"] or Decimal(0) for line in charged), Decimal(0))
    own, over, first = (sum((parts(line)[at] for line in charged), Decimal(0)) for at in range(3))
    amounts = {"own_cost": own, "over_limit_cost": over, "first_share_cost": first}
    amounts["scope_cost"] = total - own - over - first
    unclear = any(parts(line)[3] for line in charged)
    found |= {n: None if unclear else max(Decimal(0), v) for n, v in amounts.items()}
    assert case.admission_time is not None
    last = case.admission_time.astimezone(LOCAL) + timedelta(days=max(day, 1) - 1)
    events = event_days(cut, day)
    return found | {
        "total_cost": max(Decimal(0), total),
        "discharge_time": last.replace(hour=23, minute=59, second=59),
        "los": max(day, 1),
        "department": wards(case, day),
        "icu_hours": events["icu"] * 24.0 or None,
        "ventilator_hours": events["ventilation"] * 24.0 or None,
    }


def event_days(cut: Case, day: int) -> dict[str, int]:
    """On how many days each event was charged, net of what was taken back on the same day."""
    found = {}
    for mark, names in MARKS.items():
        sums: dict[int, Decimal] = {}
        for line in lines(cut):
            at = day_of(cut, line["line_time"])
            if line["line_name"] in names and at is not None:
                sums[at] = sums.get(at, Decimal(0)) + (line["line_amount"] or 0)
        found[mark] = sum(value > 0 for value in sums.values()) if day else 0
    return found


def charlson(case: Case, day: int) -> int:
    """Points of the other diagnoses known; the milder form gives way to the severer."""
    times = case.dx_time or (None,) * len(case.dx)
    codes = [
        code.replace(".", "")
        for at, (code, time) in enumerate(zip(case.dx, times, strict=True))
        if at and code and told(case, time, day)
    ]
    variant = charlson_variant("quan", "charlson").comorbidities
    has = {c.id for c in variant if any(code.startswith(c.prefixes) for code in codes)}
    return sum(c.weight for c in variant if c.id in has and c.yields_to not in has)


def features(case: Case, day: int, departments: tuple[str, ...]) -> dict[str, float]:
    """The features of the snapshot, by name; NaN is missing."""
    begin = case.admission_time
    assert begin is not None
    begin = begin.astimezone(LOCAL)
    cut, shown = running(case, day), known(case, day)
    nan = math.nan

    def number(word: str | None) -> float:
        return float(departments.index(word)) if word in departments else nan

    def yes(value: object, wanted: object) -> float:
        return nan if value is None else float(value == wanted)

    found: dict[str, float] = {
        "day": day,
        "admitted_hour": begin.hour,
        "admitted_weekday": begin.isoweekday(),
        "weekday": (begin + timedelta(days=day)).isoweekday(),
        "month": begin.month,
        "age": nan if case.age is None else case.age,
        "newborn": float(case.age_days is not None and case.age_days < 28),
        "female": yes(case.sex, 2),
        "employee": yes(case.insurance_type, "310"),
        "retired": yes(case.person_type, "12"),
        "elsewhere": float(case.insured_region == "420100"),
        "aided": float(case.aid_category is not None),
        "admission_number": nan if case.admission_number is None else case.admission_number,
        "day_surgery": yes(case.visit_type, "28"),
        "single_disease": yes(case.visit_type, "26"),
        "department": number(case.admission_department),
        "ward": number(shown["department"]),
        "moved": float(
            day > 0
            and None not in {shown["department"], case.admission_department}
            and shown["department"] != case.admission_department
        ),
    }
    found |= _of_codes(case, cut, day, shown) | _of_charges(cut, day)
    return found | {f"{mark}_days": n for mark, n in event_days(cut, day).items()}


def _of_codes(case: Case, cut: Case, day: int, shown: dict[str, Any]) -> dict[str, float]:
    written = [code for code in cut.dx if code]
    marks = [p for code, p in zip(cut.dx, cut.dx_poa or (None,) * len(cut.dx), strict=True) if code]
    principal = bool(cut.dx and cut.dx[0])
    admitted = case.admission_dx
    changed = principal and admitted is not None and shown["dx"][0][:3] != admitted[:3]
    done = [d for code, d in zip(cut.px, cut.px_date, strict=True) if code]
    levels = [int(one) for one in cut.px_level if one and one.isdecimal()]
    since = [day - (day_of(case, d) or 0) for d in done]
    surgery = sum(
        (line["line_amount"] or 0 for line in lines(cut) if line["line_class"] == "06"), Decimal(0)
    )
    return {
        "dx_known": len(written),
        "dx_acquired": marks.count("4"),
        "dx_undetermined": marks.count("2"),
        "charlson": charlson(case, day),
        "principal_known": float(principal),
        "principal_changed": float(changed),
        "no_admission_dx": float(admitted is None),
        "px_known": len(done),
        "px_level": max(levels, default=0),
        "since_operation": max(since, default=math.nan),
        "operated": float(surgery > 0),
    }


def _of_charges(cut: Case, day: int) -> dict[str, float]:
    charged = lines(cut)

    def cost(before: int | None = None, kinds: Any = None) -> Decimal:
        return sum(
            (
                line["line_amount"] or Decimal(0)
                for line in charged
                if (before is None or (day_of(cut, line["line_time"]) or 0) <= before)
                and (kinds is None or kind_of(line) in kinds)
            ),
            Decimal(0),
        )

    total, span = cost(), max(1, min(day, 3))
    refunds = sum((-(line["line_amount"] or 0) for line in charged if refund(line)), Decimal(0))
    own = sum((parts(line)[0] for line in charged), Decimal(0))
    dearest = max((line["line_amount"] or Decimal(0) for line in charged), default=Decimal(0))
    return {
        "cost": log(total),
        "cost_last_day": log(total - cost(day - 1)),
        "cost_recent": log((total - cost(day - 3)) / span),
        "cost_first_day": log(cost(1)),
        **{name: log(cost(kinds={kind})) for kind, name in CLASSES.items()},
        "other_classes": log(cost(kinds={0, 12, 13, 14})),
        "dearest": log(dearest),
        "refunded": float(refunds / (total + refunds)) if total + refunds > 0 else 0.0,
        "own_share": float(own / total) if total > 0 else 0.0,
        "lines": math.log1p(len(charged)),
    }


def refund(line: dict[str, Any]) -> bool:
    """Whether a line takes back."""
    return (line["line_amount"] or 0) < 0


def kind_of(line: dict[str, Any]) -> int:
    """The number of a line's class; 0: none that is known."""
    word = line["line_class"] or ""
    return int(word) if word.isdecimal() and int(word) <= 14 else 0


def log(yuan: Decimal) -> float:
    """ln(1 + yuan), below nought as nought."""
    return math.log1p(max(0.0, float(yuan)))


# ── random stays ──────────────────────────────────────────────────────────────────────────────────

_DX = ("I21.900", "E11.900", "E11.200", "K70.300", "K72.100", "C50.900", "C78.000", "I50.900")
_PX = ("36.0601", "45.1302", "81.5100x003", "99.1002")
_WARDS = ("03.01", "03.05", "04.02")
_CLASSES = ("01", "01", "01", "06", "06", *(f"{kind:02d}" for kind in range(1, 15)), "99", None)


def _mostly(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Of these values, now and then none."""
    return st.one_of(values, values, values, values, st.none())


_HOURS = st.integers(-20, 100) | st.integers(0, 14 * 24)
"""Hours from the admission's midnight: most within a short stay, some before it and long after."""


def _when(hours: int | None) -> datetime | None:
    return None if hours is None else ADMITTED + timedelta(hours=hours, minutes=hours % 60)


@st.composite
def bills(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Charge lines around a stay."""
    found = []
    for _ in range(draw(st.integers(0, 10))):
        fen = draw(_mostly(st.integers(1, 90_000) | st.integers(-30_000, 90_000)))
        share = draw(st.sampled_from((None, "0.1", "0.15", "0.3333")))
        found.append(
            {
                "line_item": draw(st.sampled_from(("001101000010000", None))),
                "line_name": draw(_mostly(st.sampled_from(NAMES))),
                "line_class": draw(st.sampled_from(_CLASSES)),
                "line_quantity": draw(st.sampled_from((None, Decimal(1), Decimal("2.5")))),
                "line_amount": None if fen is None else Decimal(fen) / 100,
                "line_time": _when(draw(_mostly(_HOURS))),
                "line_scope": draw(st.sampled_from(("A", "A", "B", "B", "C", None))),
                "line_first_share": None if share is None else Decimal(share),
                "line_limit": draw(st.sampled_from((None, None, Decimal("40.00")))),
                "line_department": draw(_mostly(st.sampled_from(_WARDS))),
                "line_physician": None,
            }
        )
    return found


@st.composite
def stays(draw: st.DrawFn, name: str = "A1") -> Case:
    """A finished stay of up to nine days, with gaps as records have them."""
    begin = draw(st.integers(0, 23))
    dx = draw(st.lists(st.sampled_from(_DX), max_size=5))
    px = draw(st.lists(st.sampled_from(_PX), max_size=3))
    if len(dx) > 1 and draw(st.booleans()):
        dx = [None, *dx[1:]]
    some = draw(st.integers(0, 5)) > 0
    case = Case(
        case_id=name,
        region="demo",
        insurance_type=draw(st.sampled_from(("310", "390", None))),
        insured_region=draw(st.sampled_from((None, "420100"))),
        person_type=draw(st.sampled_from(("11", "12", None))),
        aid_category=draw(st.sampled_from((None, "1"))),
        visit_type=draw(st.sampled_from(("21", "28", "26", None))),
        admission_number=draw(st.none() | st.integers(1, 4)),
        sex=draw(st.sampled_from((1, 2, None))),
        age=draw(st.none() | st.integers(0, 99)),
        age_days=draw(st.none() | st.integers(0, 60)),
        admission_time=_when(begin),
        discharge_time=_when(begin + draw(st.integers(1, 9 * 24))),
        discharge_way=draw(st.sampled_from(("1", "5"))),
        department=draw(st.sampled_from(_WARDS)),
        admission_department=draw(_mostly(st.sampled_from(_WARDS))),
        physician="D1",
        los=draw(st.integers(1, 9)),
        total_cost=Decimal(draw(st.integers(1, 9999))),
        fund_paid=Decimal(100),
        admission_dx=draw(st.none() | st.sampled_from((*_DX, "R07.400"))),
        dx=tuple(dx),
        dx_poa=tuple(draw(st.sampled_from(("1", "2", "4", None))) for _ in dx),
        dx_time=tuple(_when(draw(_mostly(_HOURS))) for _ in dx) if some else (),
        px=tuple(px),
        px_date=tuple(
            None if t is None else t.date() for t in (_when(draw(_mostly(_HOURS))) for _ in px)
        ),
        px_level=tuple(draw(st.sampled_from(("1", "3", "4", None))) for _ in px),
    )
    return with_lines(case, draw(bills()))
