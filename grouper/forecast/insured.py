"""The insurance of cases, as the policy that prices them reads the record's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from grouper.payment.cells import by_policy
from grouper.payment.columns import Columns
from grouper.payment.place import PEOPLE_FIELDS, people

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from grouper.payment.place import Terms

_INSURANCE = "insurance"
_WORD = PEOPLE_FIELDS[_INSURANCE]
_READ = (_WORD, "region", "discharge_time")


def insurances(cases: pa.RecordBatch, terms: Terms) -> pa.Array:
    """The insurance of each case: ``employee``, ``resident``; null where it is not known.

    Args:
        cases: columns of ``CASE_SCHEMA``; those that are missing are empty.
        terms: by which policies they are priced.
    """
    some = [name for name in _READ if name in cases.schema.names]
    columns = Columns(cases.select(some))
    written = columns.words(_WORD)
    found = np.full(len(columns), None, object)

    def unknown(_rows: NDArray[np.int64], _reason: str) -> None:
        """Where no policy prices a case, none reads its words."""

    for rows, policy in by_policy(columns, terms, unknown):
        read = [people(policy, _INSURANCE, word) for word in written.words]
        found[rows] = np.array([*read, None], object)[written.codes[rows]]
    return pa.array(found, pa.string())
