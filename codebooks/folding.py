"""One spelling for codes: how a code is compared, whatever hands wrote it."""

from __future__ import annotations

import unicodedata

# NFKC folds full-width letters, digits, '＋' and '．'; these look-alikes it leaves alone.
_LOOKALIKES = str.maketrans({"。": ".", "·": ".", "＊": "*", "†": "+", "\u200b": None, "\ufeff": None})


def fold_code(code: str) -> str:
    """Fold case, width, blanks and dots: ``' i61.000Ｘ006'`` becomes ``'I61.000X006'``.

    Only for comparing; shown codes keep the official spelling (small ``x``). Empty in, empty out.
    """
    if code.isascii():
        return "".join(code.split()).upper()
    return "".join(unicodedata.normalize("NFKC", code).translate(_LOOKALIKES).split()).upper()
