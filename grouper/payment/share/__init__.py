"""What the patient pays of a case, and what each layer of insurance pays; scalar and vectorised.

In order: what the catalogue does not hold, the first share of class B items, what is above a price
limit; of the rest the deductible, the patient's part by ratio, what is above the yearly ceiling; then
critical-illness insurance, medical aid, civil relief and supplements pay of what is left. Which rules
hold, and in which order the payers come, is the policy's (topics ``benefit``, ``critical_illness``,
``medical_aid``, ``supplement``; ``cross_region`` for patients insured elsewhere).
"""

from __future__ import annotations

from grouper.payment.share.many import share_block
from grouper.payment.share.one import share
from grouper.payment.share.parts import PARTS, Share, Shares

__all__ = ["PARTS", "Share", "Shares", "share", "share_block"]
