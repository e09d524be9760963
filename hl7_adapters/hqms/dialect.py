"""Recognising an HQMS file by its header and binding its columns to the case's fields."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.case.issues import Issue, Severity
from grouper.case.layout import Binding, Layout, file_issues, fold_name
from hl7_adapters.hqms.columns import Header, by_header, columns

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST = 0.8
"""This share of a header's names must be names of the front page."""


class HqmsDialect:
    """The front page, its header in column codes, names or the P-codes of older exports."""

    name = "hqms"

    def header(self, names: Sequence[str]) -> Header | None:
        """Which kind of HQMS header the names are, or None.

        All key columns (case, sex, discharge, principal diagnosis) must be there, and most of the
        names must be known, so that a list of our own with a few Chinese names is none.
        """
        folded = [fold_name(name) for name in names if name]
        for header in Header:
            known = by_header(header)
            keys = {fold_name(str(getattr(c, header))) for c in columns() if c.key}
            share = sum(name in known for name in folded)
            if keys <= set(folded) and share >= _MOST * len(folded):
                return header
        return None

    def bind(self, names: Sequence[str]) -> Layout | None:
        """The meaning of the columns; ``CODE_SYSTEM_UNSTATED`` stands among its issues.

        The specification prescribes clinical codes, but a file does not say that it keeps to it;
        pass ``defaults={"code_system": "clinical"}`` when opening it, if it does.
        """
        header = self.header(names)
        if header is None:
            return None
        known = by_header(header)
        found = [(at, known.get(fold_name(name))) for at, name in enumerate(names)]
        bindings = tuple(
            Binding(at, column.field, column.slot, column.part)
            for at, column in found
            if column is not None and column.field
        )
        unstated = Issue(0, "code_system", "CODE_SYSTEM_UNSTATED", Severity.WARNING)
        issues = (*file_issues(names, bindings), unstated)
        return Layout(tuple(names), bindings, issues=issues, dialect=self.name)


DIALECT = HqmsDialect()
