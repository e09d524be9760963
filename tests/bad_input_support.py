"""What the tests of bad input share: files with faults, commands, and what must be true of every run."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner, Result

from codebooks.errors import GrouperError
from grouper.cli.main import app
from grouper.run.flow import rejects_path

DAY = "2027-01-05"
RUN = CliRunner()
COLUMNS = "case_id,region,kind,sex,age,age_days,weight_g,discharge_time,dx,px"
PLAIN = "case_id,sex,age,discharge_time,dx"
GOOD = f"N1,1,45,{DAY},K80.101"
NAMED = ["N1,张三,男,45,2027-01-05,K80.101", "N2,-,1,45,2027-01-05,K80.101"]
NAMED_HEADER = "case_id,name,sex,age,discharge_time,dx"
REJECT, WARN = "reject", "warning"


@dataclass(frozen=True)
class Told:
    """What a run left behind."""

    rows: list[dict[str, str]]
    rejects: list[dict[str, str]]
    summary: dict[str, Any]

    def of(self, row: int) -> list[tuple[str, str, str, str]]:
        """Severity, reason, field and value of what is said of a row."""
        return [
            (r["severity"], r["reason"], r["field"], r["value"])
            for r in self.rejects
            if r["row"] == str(row)
        ]


def table_of(path: Path) -> list[dict[str, str]]:
    """The rows of a file that was written."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def invoke(*words: object) -> Result:
    """A command; whatever it raises must be an error of ours."""
    result = RUN.invoke(app, [str(w) for w in words])
    wild = not isinstance(result.exception, GrouperError | SystemExit | None)
    assert not wild, repr(result.exception)
    return result


def refused(*words: object) -> str:
    """The code of the error that a command ends with; its words must be there in both languages."""
    error = invoke(*words).exception
    assert isinstance(error, GrouperError), words
    assert all(error.code in error.describe(lang) for lang in ("zh", "en"))
    return error.code


def group(source: Path, *words: object) -> Told:
    """Run ``grouper group`` and hold what must be true of every run."""
    out = source.with_name("out.csv")
    result = invoke("group", source, "-o", out, "--json", *words)
    assert result.exit_code in (0, 1), result.exception
    summary = json.loads(result.stdout)
    told = Told(table_of(out), table_of(rejects_path(out)), summary)
    hold(told)
    assert not list(source.parent.glob("*.part"))
    return told


def hold(told: Told) -> None:
    """Counts agree, and every row that is not grouped has its line with row, reason and words."""
    summary = told.summary
    assert len(told.rows) == summary["rows"] == sum(summary["statuses"].values())
    counted = Counter(r["reason"] for r in told.rejects if r["row"] != "0")
    assert counted == Counter(summary["rejects"]) + Counter(summary["warnings"])
    of_file = [r["reason"] for r in told.rejects if r["row"] == "0"]
    assert of_file == summary["file_issues"]
    numbers = [int(r["row"]) for r in told.rejects]
    assert numbers == sorted(numbers)
    assert all(r["reason"] and r["what"] and r["advice"] for r in told.rejects)
    for number, row in enumerate(told.rows, 1):
        severe = {reason for severity, reason, _, _ in told.of(number) if severity == "reject"}
        # An ambiguous case has its group (QY) and its reason beside it.
        assert (row["status"] in ("grouped", "ambiguous")) == (not severe), number
        assert bool(row["reason"]) == (row["status"] != "grouped")
        assert not severe or row["reason"] in severe


def csv_file(folder: Path, *rows: str, header: str = PLAIN, encoding: str = "utf-8") -> Path:
    """A file of these rows."""
    path = folder / "in.csv"
    path.write_bytes("".join(f"{line}\n" for line in (header, *rows)).encode(encoding))
    return path
