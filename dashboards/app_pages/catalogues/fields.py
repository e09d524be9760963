"""Columns that a file calls by names of its own, as they are typed: a line a field."""

from __future__ import annotations

from codebooks.catalogues.forms import form
from codebooks.messages import text


class FieldError(ValueError):
    """A line that names no field of the catalogue; its words are the line."""


def columns_of(typed: str, kind: str, lang: str, most: int) -> dict[str, str]:
    """The header text of each field that is named.

    Args:
        typed: lines such as ``国家编码=药品编号``; the field by its name on the page, or in the house.
        kind: of the catalogue.
        lang: ``zh`` or ``en``.
        most: lines that are read.

    Raises:
        FieldError: a line has no sign of equality, or names no field.
    """
    known = {text(f"catalogue.field.{name}", lang): name for name in form(kind).fields}
    known |= {name: name for name in form(kind).fields}
    found = {}
    for line in typed.splitlines()[:most]:
        if not line.strip():
            continue
        name, sign, header = (part.strip() for part in line.replace("＝", "=").partition("="))
        if not sign or not header or name not in known:
            raise FieldError(line.strip()[:80])
        found[known[name]] = header
    return found
