"""The stored stay that an order check is about, read in one transaction with what rules hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.service.access.principal import Principal, Right
from grouper.service.problems import ServiceError
from grouper.service.stored import within
from grouper.store import reading

if TYPE_CHECKING:
    from grouper.service.context import Services
    from grouper.service.order_desk import Ruling
    from grouper.service.order_reading import Subject
    from grouper.service.stored import Reach
    from grouper.store.database import Writing as Reading
    from grouper.store.reading import StayHead


def reach_of(caller: Principal) -> Reach:
    """What a caller may ask about: a person's own reach; a system vouches for the physician."""
    return caller.reach if caller.may(Right.CASES) else None


def named_stay(
    services: Services,
    caller: Principal,
    *,
    case_id: str | None = None,
    visit: str | None = None,
    patient: str | None = None,
) -> tuple[Subject, Ruling]:
    """A stored stay by Grouper's own name or by the hospital's number.

    Args:
        services: parts of the app.
        caller: whose reach counts.
        case_id: Grouper's own name.
        visit: the hospital's number; beside the point where ``case_id`` is given.
        patient: the hospital's number of the patient: another one's stay is never read.

    Raises:
        ServiceError: ``STORED_CASE_UNKNOWN``, also out of reach and for another patient's stay.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with services.database.reading() as connection:
        if case_id is not None:
            head = reading.stay_by_case(connection, case_id)
        else:
            hospital = services.settings.hospital
            head = reading.stay_by_visit(connection, hospital, visit or "")
        reach = reach_of(caller)
        if head is None or not head.version or not within(reach, head):
            raise ServiceError("STORED_CASE_UNKNOWN")
        if patient is not None and not is_of(connection, head, patient):
            raise ServiceError("STORED_CASE_UNKNOWN")
        return services.orders.stay(connection, head), services.orders.ruling(connection)


def is_of(connection: Reading, head: StayHead, patient: str) -> bool:
    """Whether a stay is a patient's, by any of the numbers that were merged; unsaid: it may be."""
    if head.patient in (None, patient):
        return True
    own = reading.stays_of_patient(connection, head.hospital, patient)
    return any(one.id == head.id for one in own)


def found_stay(
    services: Services, caller: Principal, hospital: str, visit: str, patient: str
) -> tuple[Subject | None, bool, Ruling]:
    """The stored stay of a number, where there is one within reach; and whether it is another's.

    Args:
        services: parts of the app.
        caller: whose reach counts.
        hospital: code; empty: that of the settings.
        visit: the hospital's number of the stay.
        patient: the hospital's number of the patient.
    """
    with services.database.reading() as connection:
        ruling = services.orders.ruling(connection)
        code = hospital or services.settings.hospital
        head = reading.stay_by_visit(connection, code, visit) if visit else None
        if head is None or not head.version or not within(reach_of(caller), head):
            return None, False, ruling
        if not is_of(connection, head, patient):
            return None, True, ruling
        return services.orders.stay(connection, head), False, ruling


def ruling_now(services: Services) -> Ruling:
    """What holds now, for a case that is handed in."""
    with services.database.reading() as connection:
        return services.orders.ruling(connection)
