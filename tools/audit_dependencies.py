"""Asks a vulnerability service about every installed package.

What cannot be asked is said and never passes for good: the exit status is 0 when all was asked and
nothing is known against it, 1 when something is, 3 when the service could not be asked.

Usage: python tools/audit_dependencies.py
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

ACCEPTED = Path(__file__).with_suffix(".csv")
"""Reports that are accepted for a while: id, package, why, until."""
SERVICES = ("pypi", "osv")
SECONDS = 180
MOST_UNKNOWN = 0.1
"""Share of packages that a service may not know; of more it was not asked in truth."""
GOOD, VULNERABLE, NOT_ASKED = 0, 1, 3
OWN = "yibao-grouper"


@dataclass(slots=True)
class Audit:
    """What came of an audit.

    Attributes:
        asked: packages that the service knows.
        unknown: packages that it does not, or that it could not be asked about.
        reports: what is known against packages, in words.
        failure: why the service could not be asked at all.
    """

    asked: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    reports: list[str] = field(default_factory=list)
    failure: str = ""

    @property
    def status(self) -> int:
        """The exit status."""
        if self.reports:
            return VULNERABLE
        most = MOST_UNKNOWN * (len(self.asked) + len(self.unknown))
        if self.failure or not self.asked or len(self.unknown) > most:
            return NOT_ASKED
        return GOOD

    def words(self) -> str:
        """One line."""
        if self.status == VULNERABLE:
            return "; ".join(self.reports)
        if self.status == NOT_ASKED:
            count = len(self.asked) + len(self.unknown)
            told = self.failure or f"{len(self.unknown)} of {count} packages are not known there"
            return f"the vulnerability service could not be asked: {told}"
        return f"nothing is known against {len(self.asked)} packages"


def accepted(today: date, path: Path = ACCEPTED) -> set[tuple[str, str]]:
    """Package and id of the reports that are accepted on a day."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    return {
        (row["package"], row["id"]) for row in rows if today <= date.fromisoformat(row["until"])
    }


def judged(output: str, allowed: set[tuple[str, str]]) -> Audit:
    """What the JSON of pip-audit says.

    Args:
        output: its standard output; empty where it failed.
        allowed: as :func:`accepted`.
    """
    try:
        told = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        return Audit(failure="no answer that can be read")
    found = Audit()
    for one in told:
        if one["name"] == OWN:
            continue
        if "skip_reason" in one:
            found.unknown.append(one["name"])
            continue
        found.asked.append(one["name"])
        for report in one["vulns"]:
            if (one["name"], report["id"]) not in allowed:
                fixed = ", ".join(report["fix_versions"]) or "-"
                said = f"{one['name']} {one['version']}: {report['id']}, mended in {fixed}"
                found.reports.append(said)
    return found


def audit(service: str) -> Audit:
    """Ask one service about the packages of this environment."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--format", "json"]
    options = ["--progress-spinner", "off", "--timeout", "10", "--vulnerability-service", service]
    try:
        done = subprocess.run(  # noqa: S603 -- our own command
            [*command, *options], capture_output=True, text=True, check=False, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return Audit(failure=f"no answer within {SECONDS} s")
    found = judged(done.stdout, accepted(datetime.now(UTC).date()))
    if found.failure and done.stderr.strip():
        # Only the kind of the error: its words may name addresses of the network.
        found.failure = done.stderr.strip().splitlines()[-1].split(":")[0][:80]
    return found


def best() -> Audit:
    """The answer of the first service that could be asked."""
    found = Audit(failure="no service")
    for service in SERVICES:
        found = audit(service)
        if found.status != NOT_ASKED:
            break
    return found


def main() -> int:
    """See the top of this file."""
    found = best()
    print(found.words())
    return found.status


if __name__ == "__main__":
    sys.exit(main())
