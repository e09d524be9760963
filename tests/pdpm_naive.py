"""A plain reading of the US model, written from the CMS worksheet and not from the book's tables.

Only the ICD-10-CM map and the comorbidity lists come from outside. It knows nothing of bounds: a
missing item that has to be stated is tried with every value it can have.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

Values = Mapping[str, int]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXY"
NURSING = [
    "ES3",
    "ES2",
    "ES1",
    "HDE2",
    "HDE1",
    "HBC2",
    "HBC1",
    "LDE2",
    "LDE1",
    "LBC2",
    "LBC1",
    "CDE2",
    "CDE1",
    "CBC2",
    "CA2",
    "CBC1",
    "CA1",
    "BAB2",
    "BAB1",
    "PDE2",
    "PDE1",
    "PBC2",
    "PA2",
    "PBC1",
    "PA1",
]
SLP_LISTS = ("als", "apraxia", "dysphagia", "laryngeal_cancer", "oral_cancer", "speech_language")
NTA_TWO = ("organ_transplant", "opportunistic_infections", "bone_infections", "myeloid_leukaemia")


class Dx(NamedTuple):
    """What the diagnoses say."""

    category: int
    neurologic: bool
    surgery: int
    lists: frozenset[str]


def yes(v: Values, *items: str) -> bool:
    return any(v.get(item) == 1 for item in items)


def gg_points(v: Values, item: str) -> int:
    return {6: 4, 5: 4, 4: 3, 3: 2, 2: 1}.get(v.get(item, 0), 0)


def half_up(x: Fraction) -> int:
    return (x + Fraction(1, 2)).__floor__()


def function_scores(v: Values) -> tuple[int, int]:
    eat, mouth, toilet = (Fraction(gg_points(v, f"GG0130{x}")) for x in "ABC")
    bed = Fraction(gg_points(v, "GG0170B") + gg_points(v, "GG0170C"), 2)
    transfer = Fraction(sum(gg_points(v, f"GG0170{x}") for x in "DEF"), 3)
    walking = Fraction(gg_points(v, "GG0170J") + gg_points(v, "GG0170K"), 2)
    if v.get("GG0170I") in (7, 9, 10, 88):
        walking = Fraction(0)
    return half_up(eat + mouth + toilet + bed + transfer + walking), half_up(
        eat + toilet + bed + transfer
    )


def category(v: Values, dx: Dx) -> int:
    if v.get("J2100") == 1:
        if dx.surgery == 3:
            if yes(v, "J2300", "J2310", "J2320", "J2330", "J2400", "J2410", "J2420"):
                return 1
            if yes(v, "J2500", "J2510", "J2520", "J2530"):
                return 2
        others = ("J2600", "J2610", "J2620", "J2700", "J2710", "J2800", "J2810", "J2900")
        if dx.surgery == 2 and yes(v, *others, "J2910", "J2920", "J2930", "J2940"):
            return 4
    return dx.category


def coma(v: Values) -> bool:
    asked = ("GG0130A", "GG0130C", *(f"GG0170{x}" for x in "BCDEF"))
    return v.get("B0100") == 1 and all(v.get(item) in (1, 9, 88) for item in asked)


def speech(v: Values, dx: Dx) -> str:
    bims = v.get("C0500")
    if bims is not None:
        impaired = bims <= 12
    else:
        staff = v.get("C1000", 0) or v.get("B0700", 0) or v.get("C0700", 0)
        impaired = coma(v) or bool(staff)
    comorbid = yes(v, "I4300", "I4500", "I4900", "I5500", "O0100E2", "O0100F2")
    comorbid = comorbid or any(name in dx.lists for name in SLP_LISTS)
    count = dx.neurologic + comorbid + impaired
    diet = yes(v, "K0510C2") + yes(v, "K0100A", "K0100B", "K0100C", "K0100D")
    return "S" + LETTERS[3 * count + diet]


def restorative(v: Values) -> int:
    def six(*items: str) -> bool:
        return any(v.get(f"O0500{x}", 0) >= 6 for x in items)

    programmes = [six("A", "B"), six("C"), six("D", "F"), six("E"), six("G"), six("H"), six("I")]
    return sum(programmes) + six("J") + yes(v, "H0200C", "H0500")


def nursing(v: Values, score: int) -> str:
    trach, vent, isolated = yes(v, "O0100E2"), yes(v, "O0100F2"), yes(v, "O0100M2")
    band = "DE" if score <= 5 else "BC"
    depressed = v.get("D0300", 0) >= 10 or v.get("D0600", 0) >= 10
    two = "2" if depressed else "1"
    tube = yes(v, "K0510B1", "K0510B2") and (
        v.get("K0710A3") == 3 or (v.get("K0710A3") == 2 and v.get("K0710B3") == 2)
    )
    fever = yes(v, "J1550A") and (yes(v, "I2000", "J1550B") or v.get("K0300", 0) in (1, 2) or tube)
    high = (
        coma(v)
        or yes(v, "I2100", "K0510A1", "K0510A2")
        or (yes(v, "I2900") and v.get("N0350A", 0) == 7 and v.get("N0350B", 0) >= 2)
        or (yes(v, "I5100") and score <= 11)
        or (yes(v, "I6200") and yes(v, "J1100C"))
        or fever
        or v.get("O0400D2", 0) == 7
    )
    skin = yes(v, "M1200A", "M1200B") + sum(yes(v, f"M1200{x}") for x in "CDEGH")
    stage2, venous = v.get("M0300B1", 0), v.get("M1030", 0)
    worse = max(v.get(f"M0300{x}1", 0) for x in "CDF")
    ulcers = stage2 >= 2 or worse >= 1 or venous >= 2 or (stage2 == 1 and venous == 1)
    low = (
        (yes(v, "I4400", "I5200", "I5300") and score <= 11)
        or (yes(v, "I6300") and yes(v, "O0100C2"))
        or tube
        or (ulcers and skin >= 2)
        or (yes(v, "M1040A", "M1040B", "M1040C") and yes(v, "M1200I"))
        or yes(v, "O0100B2", "O0100J2")
    )
    complex_ = (
        yes(v, "I2000", "M1040F", "O0100A2", "O0100C2", "O0100H2", "O0100I2")
        or (yes(v, "I4900") and score <= 11)
        or (yes(v, "M1040D", "M1040E") and yes(v, "M1200F", "M1200G", "M1200H"))
    )
    if score <= 14:
        if trach and vent:
            return "ES3"
        if trach or vent:
            return "ES2"
        if isolated:
            return "ES1"
        for held, letter in ((high, "H"), (low, "L"), (complex_, "C")):
            if held:
                return letter + band + two
    elif trach or vent or isolated or high or low or complex_:
        return "CA" + two
    programmes = "2" if restorative(v) >= 2 else "1"
    if score >= 11 and (poor_cognition(v) or behaviour(v)):
        return "BAB" + programmes
    return "P" + ("A" if score >= 15 else band) + programmes


def poor_cognition(v: Values) -> bool:
    if v.get("C0500") is not None:
        return v["C0500"] <= 9
    understood, decisions = v.get("B0700", 0), v.get("C1000", 0)
    any_ = (understood > 0) + (v.get("C0700") == 1) + (decisions > 0)
    severe = (understood >= 2) + (decisions >= 2)
    return coma(v) or decisions == 3 or (any_ >= 2 and severe >= 1)


def behaviour(v: Values) -> bool:
    often = ("E0200A", "E0200B", "E0200C", "E0800", "E0900")
    return yes(v, "E0100A", "E0100B") or any(v.get(item, 0) >= 2 for item in often)


def ancillary_points(v: Values, dx: Dx) -> int:
    points = 0
    if yes(v, "K0510A2") and v.get("K0710A2") == 3:
        points += 7
    elif yes(v, "K0510A2") and v.get("K0710A2") == 2 and v.get("K0710B2") == 2:
        points += 3
    points += 5 * yes(v, "O0100H2") + 4 * yes(v, "O0100F2")
    for item in ("O0100I2", "I5200", "I6200", "I2500", "I2900"):
        points += 2 * yes(v, item)
    ones = ("M1040B", "O0100E2", "I1700", "O0100M2", "O0100B2", "H0100D", "I1300", "O0100D2")
    for item in (*ones, "K0510B2", "I5600", "H0100C"):
        points += yes(v, item)
    points += v.get("M0300D1", 0) >= 1
    points += yes(v, "M1040A", "M1040C") and not yes(v, "M1040B")
    for name in dx.lists:
        if name not in SLP_LISTS:
            points += 8 if name == "hiv" else 3 if name == "lung_transplant" else 0
            points += 2 if name in NTA_TWO else 0
            points += name not in ("hiv", "lung_transplant", *NTA_TWO)
    return points


def groups(v: Values, dx: Dx) -> tuple[str, str, str, str] | None:
    """The four groups, or None where an item is missing that decides."""
    staff = all(item in v for item in ("B0700", "C0700", "C1000"))
    cognition = "C0500" in v or staff or v.get("B0100") == 1
    swallowing = any(f"K0100{x}" in v for x in "ABCDZ")
    if not cognition or not swallowing or "K0510C2" not in v:
        return None
    therapy, care = function_scores(v)
    place = 4 * (category(v, dx) - 1)
    place += 0 if therapy <= 5 else 1 if therapy <= 9 else 2 if therapy <= 23 else 3
    found = nursing(v, care)
    if "D0300" not in v and "D0600" not in v and v.get("B0100") != 1:
        tried = {nursing({**v, "D0300": n}, care) for n in (0, 27)}
        if len(tried) > 1:
            return None
    points = ancillary_points(v, dx)
    ancillary = next(
        x for x, low in zip("ABCDEF", (12, 9, 6, 3, 1, 0), strict=True) if points >= low
    )
    return "T" + LETTERS[place], speech(v, dx), found, "N" + ancillary


def hipps(found: tuple[str, str, str, str], kind: str) -> str:
    therapy, speech_, care, ancillary = found
    letters = therapy[1] + speech_[1] + LETTERS[NURSING.index(care)] + ancillary[1]
    return letters + {"admission": "1", "periodic": "0"}[kind]


def share(day: int) -> Decimal:
    """The share of PT and OT that a day is paid."""
    return Decimal(100 - 2 * min(12, max(0, (day - 14) // 7))) / 100


def points_of(
    found: tuple[str, str, str, str], day: int, index: Mapping[str, list[Decimal]]
) -> Decimal:
    """Case-mix points of one day."""
    therapy, speech_, care, ancillary = found
    at = LETTERS.index(therapy[1])
    nta = index["NTA"][LETTERS.index(ancillary[1])] * (3 if day <= 3 else 1)
    rest = index["SLP"][LETTERS.index(speech_[1])] + index["NUR"][NURSING.index(care)]
    return (index["PT"][at] + index["OT"][at]) * share(day) + rest + nta


def stay_points(
    periods: list[tuple[date, tuple[str, str, str, str]]],
    first: int,
    end: int,
    index: Mapping[str, list[Decimal]],
) -> Decimal:
    """Points of a stay of days ``[first, end)`` (ordinals) whose groups change on some days."""
    total = Decimal(0)
    for day in range(first, end):
        begun = [found for start, found in periods if start.toordinal() <= day]
        total += points_of(begun[-1] if begun else periods[0][1], day - first + 1, index)
    return total
