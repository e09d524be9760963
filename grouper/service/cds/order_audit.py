"""The service that checks draft orders by the rules of charging (hook ``order-sign``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grouper.case.record import Case
from grouper.intake.preaudit import GO_BACK, GO_ON, Reaction
from grouper.service.audit_queue import Entry, logged
from grouper.service.cds.cards import plain_card
from grouper.service.cds.drafts import drafts_of
from grouper.service.cds.order_cards import key_of, order_audit_cards
from grouper.service.cds.stays import carried, plain_id
from grouper.service.cds.tables import Situation
from grouper.service.order_desk import order_data
from grouper.service.order_feedback import keep_reactions
from grouper.service.order_reading import Proposed, subject_of_case
from grouper.service.order_stays import found_stay
from grouper.service.orders import check, rows_of
from grouper.service.problems import ServiceError
from grouper.store.schema import now

if TYPE_CHECKING:
    from grouper.service.access.principal import Principal
    from grouper.service.cds.cards import Card
    from grouper.service.cds.drafts import Draft
    from grouper.service.cds.models import Feedback, HookRequest
    from grouper.service.context import Services

VIA = "cds"
_ANSWERS = {"accepted": GO_BACK, "overridden": GO_ON}
"""What an outcome of CDS Hooks means: who takes a card's advice goes back and changes the order."""


def audit_cards(services: Services, asked: HookRequest, caller: Principal, lang: str) -> list[Card]:
    """The cards of draft orders; that the stay was looked at is logged before they come back.

    Raises:
        ServiceError: ``ORDERS_TOO_MANY``.
        GrouperError: the store, the audit log or the rule book is away.
    """
    drafts = drafts_of(asked.context.draftOrders)
    if not drafts:
        return []
    most = order_data()["most_lines"]
    if len(drafts) > most:
        raise ServiceError("ORDERS_TOO_MANY", most=most)
    patient = plain_id(asked.context.patientId)
    visit = plain_id(asked.context.encounterId or "")
    own = carried(asked.prefetch, services.forms, visit)
    if own is not None:
        patient, visit = own.patient or patient, own.visit
    subject, other, ruling = found_stay(services, caller, "", visit, patient)
    if other:
        return [plain_card(Situation.OTHER_PATIENT, lang)]
    known = subject is not None or own is not None
    if subject is None:
        case = Case() if own is None else own.case
        subject = subject_of_case(case, f"{VIA}\x1f{patient}\x1f{visit}")
    user = asked.context.userId or ""
    about = {"via": VIA, "hook": asked.hook, "user": user, "lines": len(drafts)}
    done = services.audit.submit(Entry(caller.name, "orders_checked", subject.object, about))
    desk = services.orders
    proposed = [Proposed(one.name, _about(one), one.hospital_item) for one in drafts]
    checked = check(desk, subject, proposed, ruling, at=now())
    cards = order_audit_cards(checked, drafts, ruling.book, lang, stored=known)
    logged(done)
    desk.keep(rows_of(checked, VIA, caller.name))
    return cards


def _about(draft: Draft) -> dict[str, Any]:
    return {
        "line_item": draft.item,
        "line_name": draft.display,
        "line_quantity": draft.quantity,
        "line_time": draft.time,
    }


def keep_feedback(services: Services, asked: Feedback, caller: Principal) -> None:
    """Keep what became of cards that told a finding, with what was told.

    A card set aside without a reason is kept as such: CDS Hooks lets the reason be left out.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    found = []
    for one in asked.feedback:
        key = key_of(one.card)
        if key is None:
            continue
        why = one.overrideReason
        reason = why.reason.code if why and why.reason else ""
        found.append(Reaction(key, _ANSWERS[one.outcome], reason))
    if found:
        keep_reactions(services, found, caller)
