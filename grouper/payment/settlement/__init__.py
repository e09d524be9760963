"""From priced cases to the month and the year: settlement, simulation, reconciliation, fund.

``docs/SETTLEMENT.md`` says how each figure comes about.
:class:`grouper.payment.settlement.priced.Priced` is the table that all of them read.
"""
