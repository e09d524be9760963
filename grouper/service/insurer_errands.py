"""A long list of the insurer, taken in by an errand: a page does not wait for thousands of rows."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from codebooks.audit.books import audit_book
from grouper.audit.insurer.columns import at_hand
from grouper.service.insurer_answers import taken_out
from grouper.service.insurer_lists import take_in
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.service.errand_process import Work

KIND = "insurer_list"


def run(work: Work) -> Mapping[str, Any]:
    """Do it: the errand's function; its parameters are ``name`` and ``due`` (a day, or None).

    Raises:
        AuditError: the file is no list that can be read.
        GrouperError: as :func:`grouper.service.insurer_lists.take_in`.
    """
    path = next(iter(sorted(work.files.iterdir())), work.files / KIND)
    due = work.params["due"]
    taken = take_in(
        work.database,
        path,
        audit_book(),
        at_hand(),
        hospital=work.settings.hospital,
        actor=work.actor,
        at=now(),
        due=None if due is None else date.fromisoformat(due),
        name=str(work.params["name"]),
    )
    return taken_out(taken, work.language)
