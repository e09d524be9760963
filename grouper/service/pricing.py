"""Payments in the service: of a case handed in, of a stored one, and on the way back to the hospital."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import structlog

from grouper.case.dates import LOCAL
from grouper.intake.result import Priced
from grouper.payment.engine import price
from grouper.payment.place import Terms
from grouper.payment.result import PayStatus
from grouper.payment.words import as_html, document, explained
from grouper.run.one_case import grouping_of
from grouper.schemes.protocol import Grouping
from grouper.schemes.reasons import Reason, Status
from grouper.schemes.trace import Trace
from grouper.service.grouping import grouping_out, issues_out, read_case
from grouper.service.models import PageForm
from grouper.service.tracing import regroup
from grouper.service.year import with_year

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from grouper.case.record import Case
    from grouper.payment.result import Payment
    from grouper.service.stored import Stay
    from grouper.store.database import Database
    from grouper.store.groupings import GroupingRow

_SCOPED = ("own_cost", "first_share_cost", "over_limit_cost", "scope_cost")
_log = structlog.get_logger("grouper.pricing")


@dataclass(frozen=True, slots=True)
class StayPricer:
    """Prices stays on their way back; one that fails has no price, and holds nothing up.

    Attributes:
        region: of cases that name none.
    """

    region: str

    def of(self, case: Case, row: GroupingRow) -> Priced | None:
        """The payment of a grouped stay, as far as a policy is at hand."""
        if not row.scheme:
            return None
        terms = Terms(region=self.region, today=row.at.astimezone(LOCAL).date())
        try:
            payment = price(case, grouping_from(row), terms)
        except Exception as error:  # noqa: BLE001 -- a price that fails must not hold up the intake
            # By its type alone: its words may hold values of the case.
            _log.error("pricing", stay=row.stay_id, error=type(error).__name__)
            return None
        return priced_from(payment)


def grouping_from(row: GroupingRow) -> Grouping:
    """A stored grouping as pricing asks for it; its trace is empty."""
    return Grouping(
        scheme=row.scheme,
        status=Status(row.status),
        reason=Reason(row.reason) if row.reason in set(Reason) else None,
        warnings=(),
        mdc=row.mdc,
        adrg=row.adrg,
        group=row.group,
        group_name=row.group_name,
        cc_level=row.cc_level,
        trace=Trace(lambda _: {}),
        group_kind=row.group_kind,
        weight=None if row.weight is None else Decimal(row.weight),
    )


def needs_lines(case: Case) -> bool:
    """Whether the patient's share can only be told from the charge lines."""
    return any(getattr(case, name) is None for name in _SCOPED)


def priced_from(payment: Payment) -> Priced | None:
    """A payment as results carry it; None where there is no amount."""
    if payment.status is not PayStatus.PRICED or payment.amount is None:
        return None
    told = document(payment)
    lines = {
        line["label"]: Decimal(line["value"]) for line in told["lines"] if line["unit"] == "CNY"
    }
    return Priced(
        policy=payment.policy.id if payment.policy else "",
        amount=payment.amount,
        fund=payment.fund,
        patient=payment.patient,
        lines=lines,
    )


def price_out(
    raw: Mapping[str, Any], scheme: str | None, region: str, lang: str, day: datetime
) -> dict[str, Any]:
    """A case handed in, grouped and priced: as :class:`grouper.service.models.PriceAnswer`.

    Args:
        raw: as ``docs/CASE.md`` names its fields.
        scheme: id of a scheme, or None for the one that binds.
        region: of a case that names none.
        lang: of the texts.
        day: a case that has not ended is priced as if it ended then.

    Raises:
        GrouperError: as :func:`grouper.service.grouping.group_out`.
    """
    case, issues = read_case(raw, scheme, lang)
    grouping = grouping_of(case, scheme, region)
    told = grouping.trace.document(lang)
    payment = price(case, grouping, Terms(region=region, today=day.astimezone(LOCAL).date()))
    return {
        "case_id": case.case_id,
        "grouping": grouping_out(grouping, told["scheme"]["content_sha256"], told),
        "payment": document(payment, lang),
        "issues": issues_out(issues, lang),
    }


def payment_of(database: Database, stay: Stay, region: str, day: datetime) -> Payment:
    """The payment of a stored version, reckoned anew by the policy of its day.

    What the record lacks of the patient's year is taken from the patient's other stays.

    Args:
        database: the store.
        stay: the case in one of its versions.
        region: of a case that names none.
        day: of a stay that has not ended.

    Raises:
        GrouperError: as :func:`grouper.service.tracing.regroup`.
    """
    grouping = regroup(stay, None, region)
    terms = Terms(region=region, today=day.astimezone(LOCAL).date())
    case = with_year(database, stay.head.person_id, _as_if_ended(stay.case, day), terms, day)
    return price(case, grouping, terms)


def _as_if_ended(case: Case, day: datetime) -> Case:
    """A stay that runs with the days it would have had if it ended then; what is paid by days needs them."""
    if case.los is not None or case.discharge_time is not None or case.admission_time is None:
        return case
    passed = (day.astimezone(LOCAL).date() - case.admission_time.astimezone(LOCAL).date()).days
    # The days of admission and discharge count as one.
    return replace(case, los=max(passed, 1)) if passed >= 0 else case


def written(payment: Payment, form: PageForm, lang: str) -> str:
    """A payment as text with its arithmetic, or as a page."""
    return as_html(payment, lang) if form is PageForm.HTML else explained(payment, lang)
