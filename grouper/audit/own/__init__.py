"""The hospital's own rules: conditions of the table ``own``, asked by DuckDB or of one case.

See :mod:`codebooks.audit.own_rules` for their form.
"""
