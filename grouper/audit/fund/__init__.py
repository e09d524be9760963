"""How the fund and the hospital's credit stand: months payable, use of the budget, leads, credit.

What a hospital can see of it: the region's ledger as it is handed in, its own settled months, its
findings and what the review made of them. Nothing is stored here; :mod:`grouper.service.fund` asks
the store.
"""

from __future__ import annotations
