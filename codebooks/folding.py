"""One spelling for codes and rules: how they are compared, whatever hands wrote them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# NFKC folds full-width letters, digits, '＋' and '．'; these look-alikes it leaves alone.
_LOOKALIKES = str.maketrans(
    {"。": ".", "·": ".", "＊": "*", "†": "+", "\u200b": None, "\ufeff": None}
)
# An escaped control character of a workbook's XML, a backslash before a line break, blanks.
_QUIRKS = re.compile(r"_x00(?:0[9ADad])_|\\(?=[\r\n]|_x00)")
_BLANKS = re.compile(r"[\s\u00a0\u3000\u200b\ufeff]+")


def fold_code(code: str) -> str:
    """Fold case, width, blanks and dots: ``' i61.000Ｘ006'`` becomes ``'I61.000X006'``.

    Only for comparing; shown codes keep the official spelling (small ``x``). Empty in, empty out.
    """
    if code.isascii():
        return "".join(code.split()).upper()
    return "".join(unicodedata.normalize("NFKC", code).translate(_LOOKALIKES).split()).upper()


def fold_codes(codes: Sequence[str]) -> list[str]:
    """Fold many codes, as :func:`fold_code` does each.

    Official code lists are plain ASCII without blanks: those are folded in one piece.
    """
    joined = "\n".join(codes)
    if joined and joined.isascii() and joined.split() == list(codes):
        return joined.upper().split("\n")
    return [fold_code(code) for code in codes]


def fold_rule(text: str) -> str:
    """Fold white space of every kind, and the workbook's line-break escapes, to one blank."""
    return _BLANKS.sub(" ", _QUIRKS.sub(" ", text)).strip()
