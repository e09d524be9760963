"""The code of a city's group: ``DIAG[:MAIN[_REL1+REL2…]]``, or ``CATEGORY:TREATMENT``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codebooks.dip.grammar import parse_diagnoses, parse_procedures
from codebooks.dip.layout import city_layout
from codebooks.dip.national import canonical
from codebooks.folding import fold_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from codebooks.errors import Where


def parts_of(code: str, where: Where | None = None) -> dict[str, str]:
    """The texts that a group's code is made of.

    Args:
        code: as the catalogue writes it; the colon may be full-width.
        where: its place, for errors.

    Returns:
        ``diagnosis``, ``procedure``, ``related`` and ``treatment``, empty where there is none.

    Raises:
        CodebookError: of the grammar, when a part cannot be read.
    """
    diagnosis, _, rest = fold_code(code).partition(":")
    treatment = city_layout().suffixes.get(rest, "")
    procedure, _, related = ("", "", "") if treatment else rest.partition("_")
    parse_diagnoses(diagnosis, where)
    parse_procedures(procedure, where)
    parse_procedures(related, where)
    return {
        "diagnosis": canonical(diagnosis),
        "procedure": canonical(procedure),
        "related": canonical(related),
        "treatment": treatment,
    }


def group_code(parts: Mapping[str, str]) -> str:
    """The code that catalogues make of a group's parts."""
    suffix = {kind: name for name, kind in city_layout().suffixes.items()}.get(parts["treatment"])
    if suffix and not parts["procedure"]:
        return f"{canonical(parts['diagnosis'])}:{suffix}"
    code = canonical(parts["diagnosis"])
    if parts["procedure"]:
        code += f":{canonical(parts['procedure'])}"
    return code + f"_{canonical(parts['related'])}" if parts["related"] else code
