"""Screening of charges and stays by the rule book: what an insurer would find, found before.

See ``docs/AUDIT.md``. Texts stand in ``grouper/text/<lang>/audit.toml``.
"""
