"""What the fund pays for a case, by the region's dated policy: methods, shares, settlement.

:func:`grouper.payment.engine.price` prices one case with its arithmetic line by line,
:func:`grouper.payment.batch.price_batch` many at once; both give the same figures.
"""
