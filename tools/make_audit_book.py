"""Carry the national rules and knowledge points over into our own form (a maintainer's step).

The readings of texts stand in ``tools/audit_book/readings.toml``; what is written by hand (names in
English, moments, templates, needs, parameters of behaviour, indications read by eye) in the tables
beside it. Usage: python tools/make_audit_book.py FOLDER_OF_THE_SOURCE [TARGET]
"""

from __future__ import annotations

import csv
import gzip
import io
import sys
import tomllib
from pathlib import Path

from audit_book.limits import drug_limits, service_limits
from audit_book.points import Point, knowledge_points, settled, special_rows
from audit_book.readings import HAND, Reader, Row

from codebooks import paths
from codebooks.audit.forms import FORMS, HEAD, RULES, TAIL

SHIPPED = paths.shipped() / "audit" / "national-2025"
LARGE = 200_000
"""A table of more characters is packed."""


def source_rows(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of a file of the source, packed or not."""
    path = folder / name
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def hand_rows(name: str) -> list[dict[str, str]]:
    """The rows of a table written by hand."""
    return source_rows(HAND, name)


def points_of(folder: Path, reader: Reader) -> list[Point]:
    """The knowledge points with their codes, in the source's order."""
    codes: dict[str, list[str]] = {}
    for link in source_rows(folder, "knowledge_point_codes.csv.gz"):
        codes.setdefault(link["kp_id"], []).append(link["nhsa_code"])
    rows = source_rows(folder, "knowledge_points.csv.gz")
    ended = {row["supersedes"]: row["published_at"] for row in rows if row["supersedes"]}
    rules = reader.plan["rule_codes"]
    return [
        Point(
            rule=row["rule_code"] or rules[row["rule_name"]],
            name=row["item_name"],
            text=row["payment_limit"],
            batch=row["batch"],
            published=row["published_at"],
            ended=ended.get(row["kp_id"], ""),
            file=row["source_attachment"],
            place=row["source_row"],
            codes=tuple(codes.get(row["kp_id"], ())),
        )
        for row in rows
    ]


def parameter_rows(folder: Path, reader: Reader) -> list[Row]:
    """Every parameter row of the book, with its table."""
    drugs = source_rows(folder, "drug_limits_suspect.csv")
    services = source_rows(folder, "service_limits_suspect.csv")
    reader.learn(drugs, services)
    points = points_of(folder, reader)
    files = {
        name: source_rows(folder, f"{name}.csv")
        for name in (
            "duplicate_charge_pairs",
            "frequency_limits",
            "cycle_limits",
            "course_limits",
            "surgery_discount",
            "procedure_sex",
            "procedure_allowed_diagnoses",
        )
    }
    rows = settled([*knowledge_points(points, reader), *special_rows(files, points, reader)])
    known = {(row.table, row.cells["rule"], row.cells.get("item", "")) for row in rows}
    rows += drug_limits(drugs, reader)
    rows += service_limits(services, reader, known)
    for name in ("behaviour", "dx_sex", "dx_age"):
        rows += [Row(name, cells) for cells in hand_rows(f"{name}.csv")]
    return rows


def rule_rows(folder: Path) -> list[dict[str, str]]:
    """The rules: what the source says of them, and what is written by hand."""
    hand = {row["rule"]: row for row in hand_rows("rules.csv")}
    rows = []
    for number, row in enumerate(source_rows(folder, "rules.csv"), 1):
        own = hand.pop(row["rule_code"])
        proposal = row["standing"] == "proposal"
        rows.append(
            {
                "rule": row["rule_code"],
                "name_zh": row["name"],
                "name_en": own["name_en"],
                "class": own["class"] or row["class"],
                "subclass": row["subclass"],
                "level": own["level"] or row["level"],
                "standing": "proposal" if proposal else "official",
                "moments": own["moments"],
                "template": own["template"],
                "needs": own["needs"],
                "note": own["note"] or row["logic"],
                "source": f"rules.csv {number}",
            }
        )
    if hand:
        raise ValueError(f"written by hand, not in the source: {list(hand)}")
    return rows


def write(path: Path, names: list[str], rows: list[dict[str, str]]) -> None:
    """Write a table; a large one packed, without a time stamp so that it can be compared."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    content = out.getvalue().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    packed = path.with_name(path.name + ".gz")
    for old in (path, packed):
        old.unlink(missing_ok=True)
    if len(content) > LARGE:
        packed.write_bytes(gzip.compress(content, 9, mtime=0))
    else:
        path.write_bytes(content)


def main(folder: Path, target: Path = SHIPPED) -> None:
    """Write the book anew; tables without a source, such as ``front_page``, stay as they are."""
    plan = tomllib.loads((HAND / "readings.toml").read_text("utf-8"))
    reader = Reader(plan, hand_rows("indications.csv"))
    book = plan["book"]
    lines = [f'{key}: "{book[key]}"' for key in ("id", "zh", "en", "valid_from", "source")]
    lines.append("items:")
    lines += [
        f"  - {{pattern: '{one['pattern']}', match: {one['match']}, about: {one['about']}}}"
        for one in plan["items"]
    ]
    target.mkdir(parents=True, exist_ok=True)
    (target / "book.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    write(target / "rules.csv", [one.name for one in RULES], rule_rows(folder))
    rows = parameter_rows(folder, reader)
    made = {row.table for row in rows}
    for table, form in FORMS.items():
        if table not in made:
            continue
        names = [one.name for one in (*HEAD, *form.columns, *TAIL)]
        own = [row.cells for row in rows if row.table == table]
        write(target / "rows" / f"{table}.csv", names, own)
        print(f"{table}: {len(own)}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
