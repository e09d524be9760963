"""The Case record: specification, normalisation and readers.

``record.Case`` is one case, ``normalise.normalise`` brings a batch of columns to cases,
``readers.open_source`` reads files. ``docs/CASE.md`` describes fields, input columns and reasons.
"""

from grouper.case.fields import CASE_SCHEMA, FIELDS
from grouper.case.issues import ISSUE_SCHEMA, Issue, Severity
from grouper.case.normalise import NormalisedBatch, Normaliser, normalise, plain
from grouper.case.record import Case

__all__ = [
    "CASE_SCHEMA",
    "FIELDS",
    "ISSUE_SCHEMA",
    "Case",
    "Issue",
    "NormalisedBatch",
    "Normaliser",
    "Severity",
    "normalise",
    "plain",
]
