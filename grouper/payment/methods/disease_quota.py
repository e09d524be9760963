"""Single-disease quota: the fund pays quota × ratio, the hospital keeps quota − cost.

The policy's list names the diseases by the beginnings of principal diagnoses and procedures; of
several that fit the first one listed counts. A case that left its pathway is not on the list and
goes back to the methods after this one.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from codebooks.folding import fold_code, fold_codes
from codebooks.registry import INPATIENT
from grouper.payment.block import Outcomes, because, no_reasons
from grouper.payment.columns import Words
from grouper.payment.fixed import Fixed
from grouper.payment.reasons import PayReason
from grouper.payment.result import Band, Outcome

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from codebooks.policies.policy import Value
    from grouper.case.record import Case
    from grouper.payment.asked import Asked
    from grouper.payment.block import Block

_DISEASES, _QUOTAS, _RATIO = (
    "disease_quota.diseases",
    "disease_quota.quotas",
    "disease_quota.fund_ratio",
)
_LEFT = "left"


class DiseaseQuota:
    """Single-disease quota."""

    name = "disease_quota"
    section = "disease_quota"

    def lists(self, asked: Asked) -> bool:
        """Whether a case stands on the list of diseases."""
        return _disease(asked.value(_DISEASES), asked.case) is not None

    def lists_block(self, block: Block) -> NDArray[np.bool_]:
        """Whether each case of a block stands on the list of diseases."""
        return _diseases(block.value(_DISEASES), block).codes >= 0

    def price(self, asked: Asked) -> Outcome:
        """Price one case; see :class:`grouper.payment.methods.Method`."""
        diseases, money = asked.value(_DISEASES), asked.rounding("money")
        asked.value(_QUOTAS)
        general = asked.find(_RATIO)
        found = _disease(diseases, asked.case)
        if found is None:
            return Outcome(reason=PayReason.NOT_LISTED)
        quota = asked.cell(_QUOTAS, found["disease"], "quota")
        if quota is None:
            return Outcome(reason=PayReason.QUOTA_MISSING)
        ratio = asked.cell(_QUOTAS, found["disease"], "fund_ratio") or general
        standard = asked.sheet.add(
            "standard", quota.number, rounding=money, disease=found["name"], quota=quota
        )
        fund = None
        if ratio is not None:
            exact = standard.number * Fraction(ratio.number)
            line = asked.sheet.add("fund", exact, rounding=money, standard=standard, ratio=ratio)
            fund = money.of(line.number)
        return Outcome(amount=money.of(standard.number), fund=fund, band=Band.NORMAL)

    def price_block(self, block: Block) -> Outcomes:
        """Price many cases; see :class:`grouper.payment.methods.Method`."""
        found, money = _diseases(block.value(_DISEASES), block), block.rounding("money")
        general = block.find(_RATIO)
        quota, known = block.cells(_QUOTAS, found, "quota")
        own, stated = block.cells(_QUOTAS, found, "fund_ratio")
        reasons, band = no_reasons(len(block)), no_reasons(len(block))
        because(reasons, found.codes < 0, PayReason.NOT_LISTED)
        because(reasons, ~known, PayReason.QUOTA_MISSING)
        band[:] = Band.NORMAL
        amount = quota.rounded(money)
        other = Fixed.same(0 if general is None else general.number, len(block))
        return Outcomes(
            amount=amount,
            reasons=reasons,
            fund=(amount * own.where(stated, other)).rounded(money),
            band=band,
            stated={"fund": stated | (general is not None)},
        )


def _disease(diseases: Value, case: Case) -> dict[str, Any] | None:
    """The first disease of the list that a case fits; None: none does."""
    if case.pathway == _LEFT or not case.dx or case.dx[0] is None:
        return None
    principal, kind = fold_code(case.dx[0]), case.kind or INPATIENT
    procedures = fold_codes([one for one in case.px if one])
    for row in diseases.value:
        if row["kind"] and kind not in row["kind"]:
            continue
        if not principal.startswith(tuple(fold_codes(row["diagnosis"]))):
            continue
        begins = tuple(fold_codes(row["procedure"] or ()))
        if not begins or any(one.startswith(begins) for one in procedures):
            found: dict[str, Any] = row
            return found
    return None


def _diseases(diseases: Value, block: Block) -> Words:
    """:func:`_disease` of each case of a block, by the disease's id."""
    columns = block.columns
    principal, kinds = columns.first("dx"), columns.words("kind")
    stays = ~columns.words("pathway").among((_LEFT,))
    codes = np.full(len(block), -1, np.int32)
    for number in reversed(range(len(diseases.value))):
        row = diseases.value[number]
        fits = stays & principal.among(tuple(row["diagnosis"]), prefix=True)
        if row["kind"]:
            fits &= kinds.among(tuple(row["kind"])) | (
                (kinds.codes < 0) & (INPATIENT in row["kind"])
            )
        if row["procedure"] and fits.any():
            fits &= columns.listed("px", tuple(row["procedure"]))
        codes[fits] = number
    return Words(codes, tuple(str(row["disease"]) for row in diseases.value))


METHOD = DiseaseQuota()
