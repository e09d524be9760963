"""What a patient paid in the year before a stored case, from the patient's other stored stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa

from grouper.case.issues import issue_table
from grouper.payment.capitation_year import follow_dialysis
from grouper.payment.run import group_batch
from grouper.payment.share.many import YEAR
from grouper.payment.share.year import NUMBER, follow_year
from grouper.service.month import batch_of, pages_of
from grouper.store.reading import Wanted
from grouper.store.states import StayState

if TYPE_CHECKING:
    from datetime import datetime

    from grouper.case.record import Case
    from grouper.payment.place import Terms
    from grouper.store.database import Database

_YEAR = timedelta(days=366)
"""No insurance year is longer, whenever it begins."""


def with_year(
    database: Database, person: int | None, case: Case, terms: Terms, now: datetime
) -> Case:
    """A case with what its record lacks of the year before it.

    Args:
        database: the store.
        person: whose case it is, by the store's number; None: nothing is known of the year.
        case: as stored.
        terms: by which policies.
        now: when a case that has not ended is looked at.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
        GrouperError: a scheme's book is not at hand.
    """
    names = (*YEAR, NUMBER)
    if person is None or all(getattr(case, name) is not None for name in names):
        return case
    until = case.discharge_time or now
    wanted = Wanted(
        states=[StayState.DISCHARGED],
        person_id=person,
        discharged_from=until - _YEAR,
        discharged_until=until,
    )
    before = [one for page in pages_of(database, wanted) for one in page]
    # The store's person is who counts, under whatever pseudonym a version was written.
    own = [replace(one, person="0") for one in before if one.case_id != case.case_id]
    batch = group_batch(batch_of([*own, replace(case, person="0")]), issue_table([]), terms.region)
    table = follow_year(follow_dialysis(pa.Table.from_batches([batch]), terms), terms)
    return replace(case, **{name: table[name][-1].as_py() for name in names})
