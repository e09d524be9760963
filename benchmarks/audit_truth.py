"""What the audit finds of what is planted in a demonstration hospital, and what else it finds.

Usage: python benchmarks/audit_truth.py HOSPITAL [--shadow] [MONTH …]

HOSPITAL is a folder that ``grouper demo-hospital`` made. Each month is screened as ``grouper audit MONTH``
does it. A planted thing is found where a finding names its case and rule; those that nobody can see
(column ``void`` of ``planted.csv``) are left out. A finding is *planted* where its case and rule are;
*beside* where something else is planted in its case, or in a case that it names; else *other*.
Rules of charges and of codes and front pages are all asked; the shares are told by level.
"""

from __future__ import annotations

import csv
import sys
import time
from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from codebooks.audit.books import audit_book
from grouper.audit.engine import Context
from grouper.audit.group_costs import group_costs, own_stays
from grouper.audit.reading import of_month, read_sources
from grouper.audit.screening import screen
from grouper.audit.words import LEVELS, is_coding
from grouper.demo.hospital.build import PLANTED
from grouper.demo.hospital.tables import toml

SHADOW = "--shadow"
SORTS = ("planted", "beside", "other")


def planted_in(hospital: Path) -> list[dict[str, str]]:
    """The rows of the list of what was planted."""
    with (hospital / PLANTED).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def found_in(hospital: Path, month: str, *, shadow: bool) -> list[dict[str, Any]]:
    """The findings of a month."""
    first = date.fromisoformat(f"{month}-01")
    sources = read_sources([hospital], month=first)
    own = toml("hospital.toml")["hospital"]
    judged = of_month(sources.cases, first)
    stays = sources.cases.filter(pa.array(judged))
    costs = group_costs(stays, own_stays([hospital], first), first, region=own["region"])
    context = Context(levels={own["code"]: "III"}, group_costs=costs, shadow=shadow)
    found = screen(sources, audit_book(), context=context, judged=judged, region=own["region"])
    return list(found.audited.findings.to_pylist())


def sorted_out(planted: list[dict[str, str]], findings: list[dict[str, Any]]) -> list[str]:
    """Of each finding whether it is planted, beside or other."""
    kinds: dict[str, set[str]] = defaultdict(set)
    for row in planted:
        kinds[row["case_id"]].add(row["rule"])
    told = []
    for one in findings:
        named = {e["value"] for e in one["evidence"] if e["key"] == "other"}
        if one["rule"] in kinds.get(one["case_id"], ()):
            told.append("planted")
        else:
            near = any(case in kinds for case in (one["case_id"], *named))
            told.append("beside" if near else "other")
    return told


def compared(planted: list[dict[str, str]], findings: list[dict[str, Any]]) -> list[str]:
    """A table: of each rule what was planted and found, and what else was found."""
    seen = {(one["case_id"], one["rule"]) for one in findings}
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    missed = []
    for row in planted:
        if row["void"] or not row["rule"]:
            continue
        found = (row["case_id"], row["rule"]) in seen
        counts[row["rule"]].update({row["sort"]: 1, f"{row['sort']} found": int(found)})
        if row["sort"] == "violation" and not found:
            missed.append(f"missed: {row['kind']} {row['case_id']} {row['rule']}")
    for one, sort in zip(findings, sorted_out(planted, findings), strict=True):
        counts[one["rule"]].update({"findings": 1, sort: 1})
    names = ("violation", "violation found", "fault", "fault found", "findings", *SORTS)
    lines = [f"| rule | {' | '.join(names)} |", "| --- " * (len(names) + 1) + "|"]
    total: Counter[str] = Counter()
    for rule in (*sorted(counts), "all"):
        own = counts.get(rule, total)
        total.update(own if rule in counts else {})
        lines.append(f"| {rule} | " + " | ".join(str(own[name]) for name in names) + " |")
    recall = 100 * total["violation found"] / max(1, total["violation"])
    return [*lines, "", f"recall of what is planted as a violation: {recall:.2f} %", *missed, ""]


def shares(planted: list[dict[str, str]], findings: list[dict[str, Any]]) -> list[str]:
    """How many findings are planted: of charges, of codes and front pages, and by level."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    book = audit_book()
    for one, sort in zip(findings, sorted_out(planted, findings), strict=True):
        counts["codes and front pages" if is_coding(one, book) else "charges"][sort] += 1
        counts[one["level"]][sort] += 1
    lines = []
    for name in ("charges", "codes and front pages", *LEVELS):
        own, count = counts[name], max(1, counts[name].total())
        share = 100 * own["planted"] / count
        near = 100 * (own["planted"] + own["beside"]) / count
        lines.append(
            f"{name}: {own.total()} findings, {share:.1f} % planted, {near:.1f} % with those beside"
        )
    return lines


def main(words: list[str]) -> None:
    """Screen the months and print the table."""
    hospital = Path(words[0])
    shadow = SHADOW in words
    months = [one for one in words[1:] if one != SHADOW]
    months = months or sorted(path.stem for path in (hospital / "inpatient").glob("*.parquet"))
    begin = time.perf_counter()
    findings = [row for month in months for row in found_in(hospital, month, shadow=shadow)]
    planted = [row for row in planted_in(hospital) if row["month"] in months]
    print("\n".join([*compared(planted, findings), *shares(planted, findings)]))
    print(f"{len(months)} months in {time.perf_counter() - begin:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
