"""Names: of groups whose catalogue gives none, and the mending of names torn by page layout."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Mapping

_SIGNS = re.compile(r"([|+])")
# A blank that no Latin words need: one of its neighbours is no plain letter or digit.
_TORN = re.compile(r"(?<![A-Za-z0-9])\s+|\s+(?![A-Za-z0-9])")
_BLANKS = re.compile(r"\s+")
_LANGUAGE = "zh"
"""Names are data in the catalogue's own language."""


def mend_name(name: str) -> str:
    """Fold white space to one blank and drop the blanks inside Chinese text.

    ``'未特指的病 毒性脑炎'`` becomes ``'未特指的病毒性脑炎'``.
    """
    return _TORN.sub("", _BLANKS.sub(" ", name)).strip()


def group_name(row: Mapping[str, Any]) -> str:
    """A short name of a group: its diagnosis, conditions, procedures or treatment.

    Args:
        row: a row of the table ``groups``; of several procedures the first is named and the
            others are counted.
    """
    diagnosis = [row["diagnosis_name"] or row["diagnosis"]]
    if row["second_diagnosis"]:
        diagnosis.append(row["second_diagnosis_name"] or row["second_diagnosis"])
    if row["resistant"]:
        diagnosis.append(_say(f"resistant.{row['resistant']}"))
    subject = _say("and").join(diagnosis)
    if row["treatment"]:
        return _say("group", subject=subject, treatment=_say(f"treatment.{row['treatment']}"))
    if not row["procedure"]:
        return _say("group", subject=subject, treatment=_say("treatment.conservative"))
    main = _first(row["procedure"], row["procedure_name"])
    if row["related"]:
        main = _say("with", main=main, related=_first(row["related"], row["related_name"]))
    return _say("group", subject=subject, treatment=main)


def names_of(expression: str, names: Mapping[str, str]) -> str:
    """The names of an expression's codes with its signs between them.

    Args:
        expression: procedures in canonical spelling, joined by ``|`` and ``+``.
        names: the name of each code; a code without one stands for itself.
    """
    tokens = _SIGNS.split(expression)
    return "".join(names.get(token, token) for token in tokens)


def _first(expression: str, names: str) -> str:
    """The first name, all joined by a plus, or the first of alternatives and how many there are."""
    codes = _SIGNS.split(expression)[::2]
    if "|" not in expression:
        return names or expression
    # A name may hold the signs itself; then only the code is sure.
    parts = _SIGNS.split(names)[::2]
    first = parts[0] if len(parts) == len(codes) else codes[0]
    return _say("others", first=first, count=len(codes))


def _say(key: str, **params: object) -> str:
    return text(f"dip.name.{key}", _LANGUAGE, **params)
