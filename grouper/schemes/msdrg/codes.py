"""Codes as the software takes them, whether it knows them, and what they are called."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from codebooks.code_storage import Kind, read_manifest
from codebooks.codes import CodeSet, code_set, code_set_folders
from codebooks.errors import CodebookError
from codebooks.folding import fold_code
from grouper.schemes.msdrg.native import Claim, software

_SHAPE = re.compile(r"(?=.*[^0])[0-9A-Z]{3,7}")
"""ICD-10-CM codes have three to seven letters and digits, ICD-10-PCS codes seven; the software
takes a row of zeros for no code and cuts longer ones off."""


def plain(code: str | None) -> str:
    """A code as the software takes it: upper case, without blanks and dots; else empty.

    What cannot be a code becomes the empty text, which the software knows nowhere.
    """
    folded = fold_code(code or "").replace(".", "")
    return folded if _SHAPE.fullmatch(folded) else ""


@lru_cache(maxsize=65536)
def is_procedure(code: str, day: int) -> bool:
    """Whether the Medicare Code Editor knows a procedure code on a day (``YYYYMMDD``).

    The grouper itself tells of diagnoses alone whether they are valid. True where the editor's
    tables do not cover the day.
    """
    claim: Claim = {
        "discharge_date": day,
        "age": 40,
        "sex": 0,
        "discharge_status": 1,
        "pdx": {"code": ""},
        "procedures": [{"code": code}],
    }
    answer = software().edit(claim)
    return answer is None or all(e["name"] != "INVALID_CODE" for e in answer["edits"])


@cache
def _others(kind: Kind) -> tuple[CodeSet, ...]:
    cards = [(id_, read_manifest(folder).card) for id_, folder in code_set_folders().items()]
    return tuple(code_set(i) for i, card in cards if card.kind is kind and card.package is None)


def is_foreign(code: str, kind: Kind) -> bool:
    """Whether a code that the software does not know stands in a Chinese edition."""
    return any(code in edition for edition in _others(kind))


@cache
def _descriptions(set_id: str) -> CodeSet | None:
    try:
        return code_set(set_id)
    except CodebookError:
        return None


def name_of(code: str, set_id: str) -> str:
    """The description of a diagnosis; empty when its code set is not installed or lacks it."""
    descriptions = _descriptions(set_id)
    return (descriptions.name(code) or "") if descriptions is not None else ""
