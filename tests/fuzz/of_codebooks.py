"""What hospitals and bureaus set: rules, policies, small tables of their own."""

from __future__ import annotations

import csv
import gzip
import io
from functools import cache
from typing import TYPE_CHECKING

from written import folder, written

from codebooks import paths
from codebooks.audit.books import read_book
from codebooks.audit.own_rules import read_own
from codebooks.dip.grammar import parse_diagnoses, parse_keys, parse_procedures
from codebooks.dip.group_code import parts_of
from codebooks.dip.importers.remembered import FILE as REMEMBERED
from codebooks.dip.importers.remembered import recall
from codebooks.errors import CodebookError
from codebooks.factor_reading import read_factors, read_triggers
from codebooks.hospital_names import KINDS as NAMES
from codebooks.hospital_names import hospital_names
from codebooks.policies.reading import read_file
from codebooks.strict_csv import read_rows
from codebooks.treatment import TreatmentKinds
from grouper.rules.parser import parse
from grouper.rules.printer import print_rule

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from draw import Draw

_RULES = (
    "ZYZD in DI_B00",
    "{ZYZD,QTZD} in {DI_A01,DI_A02} and not ZYSS in OP_X or AGE >= 17",
    "length(OP_A ∩ {ZYSS,QTSS}) >= 2 and SEX = '1'",
    "not (AGE_DAY<29 or XSRTZ > 2499) and QTZD not in MCC",
)


def rule_text(draw: Draw) -> None:
    """A rule of the DRG language; what was read prints as the same."""
    text = draw.document([one.encode() for one in _RULES]).decode("utf-8", "replace")
    tree = parse(text)
    if tree is not None and parse(print_rule(tree)) != tree:
        raise AssertionError


_CONDITIONS = (
    "item in [A01, B02] and amount > 10",
    "not (principal in [C60-C63] or sex = 2) and present scope",
    'count items in [X1] >= 2 and day_items has ["a b"]',
    "missing department or any dx starts [J18] and hour <= 9",
    "admission_time >= 2026-01-01",
)


def audit_condition(draw: Draw) -> None:
    """A condition of a hospital's own rule."""
    text = draw.document([one.encode() for one in _CONDITIONS]).decode("utf-8", "replace")
    for applies in ("line", "day", "case"):
        read_own(text, applies)


@cache
def _audit_book() -> dict[str, bytes]:
    """A few rules and rows of the shipped book."""
    shipped = paths.shipped() / "audit" / "national-2025"
    found = {"book.yaml": (shipped / "book.yaml").read_bytes()}
    rules = _rows(shipped / "rules.csv")
    found["rules.csv"] = _csv(rules)
    for path in sorted((shipped / "rows").iterdir()):
        name = path.name.removesuffix(".gz")
        found[f"rows/{name}"] = _csv(_rows(path)[:4])
    return found


def _rows(path: Path) -> list[list[str]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def _csv(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode()


def audit_book(draw: Draw) -> None:
    """A rule book: its card, its rules, its rows; of a hospital's own folder every fault."""
    good = _audit_book()
    name = draw.of(list(good))
    if name.endswith(".yaml"):
        changed = draw.document([good[name]])
    else:
        rows = list(csv.reader(io.StringIO(good[name].decode(), newline="")))
        changed = draw.csv([rows[:5]])
    own = draw.number(2) and name != "book.yaml"
    files = {f"national-2025/{one}": content for one, content in good.items()}
    if own:
        files[f"own/{name}"] = changed
    else:
        files[f"national-2025/{name}"] = changed
    faults: list[CodebookError] = []
    with folder(files) as place:
        read_book(place / "national-2025", place / "own" if own else None, faults.append)
    for fault in faults:
        fault.describe("en")


@cache
def _policies() -> dict[str, bytes]:
    base = paths.shipped() / "policies" / "harbin"
    names = sorted(one.stem for one in base.glob("*.yaml"))
    found = {f"harbin/{name}": (base / f"{name}.yaml").read_bytes() for name in names}
    return found | {
        f"jinhua/{one.stem}": one.read_bytes()
        for one in sorted((paths.shipped() / "policies" / "jinhua").glob("*.yaml"))
    }


def policy_file(draw: Draw) -> None:
    """A topic of a region (YAML) and a table beside it (CSV)."""
    name = draw.of(list(_policies()))
    region = name.partition("/")[0]
    table = draw.csv([[["group", "weight"], ["AA19", "18.2858"], ["AB19", "36.2185"]]])
    text = draw.document([_policies()[name]])
    files = {f"{name}.yaml": text} | {
        f"{region}/weights-{y}.csv": table for y in (2022, 2023, 2024)
    }
    with folder(files) as place:
        for one in read_file(place / f"{name}.yaml", region):
            list(one.by_keys())


def strict_table(draw: Draw) -> None:
    """A small table of a hospital or a bureau, packed or plain."""
    content = draw.csv([[["code", "name", "more"], ["A", "甲", ""], ["B", "乙", "1"]]])
    packed = draw.number(4) == 0
    if packed:
        content = gzip.compress(content)
        cut = draw.number(len(content))
        content = content[:cut] + draw.text().encode("utf-8", "replace") + content[cut:]
    with written(content, "t.csv.gz" if packed else "t.csv") as path:
        for row in read_rows(path, ("code", "name"), ("more",)):
            str(row.where.describe("en"))


@cache
def _factor_rows() -> list[list[str]]:
    return _rows(paths.shipped() / "factors" / "triggers.csv")[:6]


_FACTORS = [
    [
        "region",
        "scheme",
        "directory",
        "subtype",
        "group",
        "factor",
        "valid_from",
        "valid_to",
        "source",
    ],
    ["national", "dip-3.0", "age", "newborn", "", "1.25", "2026-01-01", "", "x"],
]


def factor_tables(draw: Draw) -> None:
    """A hospital's own triggers and factors of auxiliary directories."""
    if draw.number(2):
        with written(draw.csv([_factor_rows()]), "dip_triggers.csv") as path:
            read_triggers(path)
        return
    with written(_csv(_factor_rows()), "t.csv") as path:
        triggers = read_triggers(path)
    with written(draw.csv([_FACTORS]), "dip_factors.csv") as path:
        read_factors(path, triggers)


def own_names(draw: Draw) -> None:
    """Names of departments and physicians, and kinds of treatment."""
    rows = [["code", "name", "valid_from", "valid_to"], ["A", "内科", "2026-01-01", ""]]
    kinds = [["code", "kind", "source"], ["47.0100", "surgery", "x"]]
    if draw.number(2):
        with folder({name: draw.csv([rows]) for name in NAMES.values()}) as place:
            found = hospital_names(place)
            for kind in NAMES:
                found.last(kind)
        return
    shipped = next((paths.shipped() / "treatment_kinds").iterdir())
    with written(draw.csv([kinds]), "own.csv") as path:
        TreatmentKinds(shipped, path).standing  # noqa: B018 -- read when it is asked


_KEYS = ("K35.8", "K35.8+I10", "A00-A09", "C50.0|C50.1", "47.0100+54.5101/47.0900", "47.01,54.51")


def dip_words(draw: Draw) -> None:
    """Keys and expressions of DIP groups."""
    text = draw.document([one.encode() for one in _KEYS]).decode("utf-8", "replace")
    for read in (parse_diagnoses, parse_keys, parse_procedures, parts_of):
        try:
            read(text)
        except CodebookError as error:
            error.describe("en")


def remembered_columns(draw: Draw) -> None:
    """The columns of files that were imported before (JSON)."""
    paths.installed().mkdir(parents=True, exist_ok=True)
    path = paths.installed() / REMEMBERED
    path.write_bytes(draw.json([{"a|b": {"diagnosis": "a", "score": "b"}}]))
    try:
        recall(["a", "b"])
    finally:
        path.unlink()


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "rule_text": lambda: [one.encode() for one in _RULES],
    "audit_condition": lambda: [one.encode() for one in _CONDITIONS],
    "dip_words": lambda: [one.encode() for one in _KEYS],
}
