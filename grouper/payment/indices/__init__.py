"""Indices of a hospital out of its priced cases: CMI, time and cost index, mortality, bill, surplus.

``docs/SETTLEMENT.md`` says how each comes about. They are ratios and no amounts: sums are exact, a
quotient is reckoned to fifty digits and rounded once.
"""
