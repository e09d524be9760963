"""HQMS: the national front page of the medical record as a table of 811 columns.

Register :data:`DIALECT` under the entry point group ``grouper.readers``.
"""

from hl7_adapters.hqms.dialect import DIALECT, HqmsDialect

__all__ = ["DIALECT", "HqmsDialect"]
