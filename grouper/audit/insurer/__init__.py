"""The insurer's own lists of findings: read by column names that are data, matched with what is known.

Nothing is stored here: :mod:`grouper.service.insurer_lists` asks the store and keeps what is found.
"""

from __future__ import annotations
