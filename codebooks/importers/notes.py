"""What an import notes down while it reads: findings, and counts of what it mended."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from codebooks.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from codebooks.errors import Where

SHOWN = 20
"""Findings of one code that are kept one by one; a spoilt column would give a hundred thousand."""


class Notes:
    """The findings and mends of one import.

    Attributes:
        file: name of the file or folder, put into every place that names no file.
        shown: findings of one code that are kept.
        findings: the findings, at most ``shown`` of one code.
        omitted: how many more there were, by code.
        mends: what was mended, by kind; their words stand under ``import.mend.<kind>``.
        refused: whether some finding, kept or not, is an error.
    """

    def __init__(self, file: str, shown: int = SHOWN) -> None:
        self.file = file
        self.shown = shown
        self.findings: list[Finding] = []
        self.omitted: Counter[str] = Counter()
        self.mends: Counter[str] = Counter()
        self.refused = False
        self._seen: Counter[str] = Counter()

    def add(self, severity: Severity, code: str, where: Where, /, **params: object) -> None:
        """Note one finding."""
        self.take([Finding(code, severity, where, params)])

    def error(self, code: str, where: Where, /, **params: object) -> None:
        """Note what refuses the import."""
        self.add(Severity.ERROR, code, where, **params)

    def warning(self, code: str, where: Where, /, **params: object) -> None:
        """Note what the officer should judge."""
        self.add(Severity.WARNING, code, where, **params)

    def note(self, code: str, where: Where, /, **params: object) -> None:
        """Note what the officer should know."""
        self.add(Severity.NOTE, code, where, **params)

    def take(self, findings: Iterable[Finding]) -> None:
        """Note findings made elsewhere, by the check of the rules for one."""
        for finding in findings:
            self.refused |= finding.severity is Severity.ERROR
            self._seen[finding.code] += 1
            if self._seen[finding.code] > self.shown:
                self.omitted[finding.code] += 1
            elif finding.where.file is None:
                where = replace(finding.where, file=self.file)
                self.findings.append(replace(finding, where=where))
            else:
                self.findings.append(finding)

    def mended(self, kind: str, count: int = 1) -> None:
        """Count what was mended."""
        if count:
            self.mends[kind] += count
