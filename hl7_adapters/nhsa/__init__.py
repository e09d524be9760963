"""NHSA transactions: settlement lists, front pages, charges, admission, discharge, settlement.

:data:`FORM` is registered under the entry point group ``grouper.forms``. Beside it: :func:`check`
holds a message against the field tables, :func:`write_case` writes a Case as nodes for upload,
:func:`differences` lists what is proposed against what was sent.
"""

from hl7_adapters.nhsa.checks import check
from hl7_adapters.nhsa.differences import Difference, differences
from hl7_adapters.nhsa.exports import as_csv, as_json, as_workbook
from hl7_adapters.nhsa.findings import Finding, Severity
from hl7_adapters.nhsa.form import FORM, NhsaForm
from hl7_adapters.nhsa.options import Options, read_options
from hl7_adapters.nhsa.writing import Written, write_case

__all__ = [
    "FORM",
    "Difference",
    "Finding",
    "NhsaForm",
    "Options",
    "Severity",
    "Written",
    "as_csv",
    "as_json",
    "as_workbook",
    "check",
    "differences",
    "read_options",
    "write_case",
]
