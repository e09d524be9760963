"""Settlement lists and front pages held against the case: for the service, by an entry point."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hl7_adapters.nhsa.checks import check
from hl7_adapters.nhsa.differences import differences
from hl7_adapters.nhsa.exports import as_csv, as_workbook
from hl7_adapters.nhsa.form import FORM
from hl7_adapters.nhsa.writing import write_case

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.case.record import Case

_WRITERS = {
    "csv": (as_csv, "text/csv; charset=utf-8"),
    "xlsx": (as_workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


class NhsaReviewer:
    """Reviews what came in the form ``nhsa``; see :class:`grouper.intake.porches.Reviewer`."""

    form = FORM.name
    kinds = frozenset({"4101", "4101A", "4401"})

    def differences(
        self, raw: bytes, case: Case, source: str, lang: str
    ) -> list[Mapping[str, Any]]:
        """What the case proposes against what was sent."""
        found = differences(raw, case, source=source, options=FORM.options)
        return [{**asdict(one), "words": one.words(lang)} for one in found]

    def checks(self, raw: bytes, lang: str) -> list[Mapping[str, Any]]:
        """What the field tables say against a message."""
        found = check(raw, dialect=FORM.options.dialect, tables=FORM.options.load())
        return [
            {**asdict(one), "severity": one.severity.value, "words": one.describe(lang)}
            for one in found
        ]

    def document(
        self, raw: bytes, case: Case, source: str, media: str, lang: str
    ) -> tuple[bytes, str]:
        """The differences as ``csv`` or ``xlsx``, and the media type."""
        write, kind = _WRITERS[media]
        return write(differences(raw, case, source=source, options=FORM.options), lang), kind

    def written(
        self,
        case: Case,
        record: Mapping[str, Any],
        person: Mapping[str, Any],
        kind: str,
        lang: str,
    ) -> Mapping[str, Any]:
        """The list of a case as the hospital's dialect spells it, and what was found in it."""
        options = FORM.options
        made = write_case(
            case, kind, options.dialect or "", record=record, person=person, tables=options.load()
        )
        return {
            "kind": kind,
            "head": dict(made.message.head),
            "input": dict(made.nodes),
            "unwritten": list(made.unwritten),
            "findings": [
                {**asdict(one), "severity": one.severity.value, "words": one.describe(lang)}
                for one in made.findings
            ],
        }


REVIEWER = NhsaReviewer()
