"""From a hook to what its cards tell: the stay, its grouping, its cost and the group's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from codebooks.errors import CodebookError
from codebooks.messages import text
from grouper.case.fields import ZONE
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.words import document
from grouper.run.one_case import binding_of
from grouper.schemes.load import load_scheme
from grouper.service.access.principal import Right
from grouper.service.cds.cards import Told
from grouper.service.cds.stays import carried, plain_id
from grouper.service.cds.tables import Situation
from grouper.service.stored import forecast_of, stay_of_visit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from grouper.case.issues import Issue
    from grouper.case.record import Case
    from grouper.schemes.protocol import Grouping
    from grouper.service.access.principal import Principal
    from grouper.service.cds.models import HookRequest
    from grouper.service.context import Services


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a hook.

    Attributes:
        situation: why there is nothing to tell; beside the point when there is.
        object: what the audit log names as looked at.
        told: None: nothing is shown.
    """

    situation: Situation
    object: str = ""
    told: Told | None = None


def find(parts: Services, asked: HookRequest, caller: Principal, lang: str) -> Found:
    """The stay of a hook and what there is to tell of it.

    A stored stay is found by its number. The patient must be the same: that two systems number
    their stays alike must never show one patient's case at another's bedside. A prefetch tells the
    hospital's numbers where FHIR ids are others, and stands in for a stay that is not stored.

    Args:
        parts: of the app.
        asked: the hook.
        caller: whose reach counts, if the account is a person's that may see cases; the system of
            a physician vouches for the physician.
        lang: of the texts.
    """
    patient = plain_id(asked.context.patientId)
    visit = plain_id(asked.context.encounterId or "")
    own = carried(asked.prefetch, parts.forms, visit)
    if own is not None:
        patient, visit = own.patient or patient, own.visit
    reach = caller.reach if caller.may(Right.CASES) else None
    stored, other = stay_of_visit(parts.database, parts.settings.hospital, visit, patient, reach)
    if other:
        return Found(Situation.OTHER_PATIENT)
    if stored is not None:
        told = tell(
            parts, stored.case, stored.issues, lang, forecast_of(parts.database, stored.head)
        )
        return Found(Situation.GROUPED, f"case:{stored.case_id}", told)
    if own is not None:
        return Found(Situation.GROUPED, "case:prefetch", tell(parts, own.case, own.issues, lang))
    return Found(Situation.UNKNOWN_STAY)


def tell(
    parts: Services,
    case: Case,
    issues: Sequence[Issue],
    lang: str,
    forecast: Mapping[str, Any] | None = None,
) -> Told:
    """What there is to tell of a case: of a running one as if it ended today."""
    day = (case.discharge_time or datetime.now(ZoneInfo(ZONE))).date()
    words = [_issue(issue, lang) for issue in issues]
    try:
        binding = binding_of(case, parts.settings.region, day)
    except CodebookError as error:
        return Told(
            document=None,
            reason=error.code,
            issues=words,
            cost=case.total_cost,
            forecast=forecast,
        )
    grouping = load_scheme(binding.scheme).group(case)
    grouping.trace.binding = binding
    reference = None
    if grouping.group is not None and case.total_cost is not None:
        reference = parts.references.of(grouping.scheme, grouping.group)
    return Told(
        document=grouping.trace.document(lang),
        issues=words,
        cost=case.total_cost,
        reference=reference,
        payment=_payment(parts, case, grouping, day, lang),
        forecast=forecast,
    )


def _payment(
    parts: Services, case: Case, grouping: Grouping, day: date, lang: str
) -> dict[str, Any] | None:
    payment = price(case, grouping, Terms(region=parts.settings.region, today=day))
    return None if payment.policy is None else document(payment, lang)


def _issue(issue: Issue, lang: str) -> str:
    label = text(f"case.label.{issue.field}", lang) if issue.field else ""
    words = text(f"reason.{issue.reason}", lang)
    return f"{label} {words} {issue.value}".strip()
