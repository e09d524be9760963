"""The demonstration hospital speaks: a month as HL7 v2, settlement lists, front pages and charges.

What it writes enters again by the adapters, as a hospital's own systems would send it.
"""

from grouper.demo.hospital.emit.errors import EmitError
from grouper.demo.hospital.emit.writing import FORMS, Emitted, emit

__all__ = ["FORMS", "EmitError", "Emitted", "emit"]
