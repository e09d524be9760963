"""Diagnoses and procedures of a message, in the order and with the ranks that it states."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grouper.intake.event import Coded
from hl7_adapters.nhsa.body import Number
from hl7_adapters.nhsa.messages import blank
from hl7_adapters.nhsa.roles import APART, MAIN, doubtful, role_of

if TYPE_CHECKING:
    from hl7_adapters.nhsa.messages import Message, Row
    from hl7_adapters.nhsa.options import Options
    from hl7_adapters.nhsa.tables import Tables


@dataclass(slots=True)
class Codes:
    """What a list of codes holds.

    Attributes:
        coded: the entries of the case.
        apart: rows that are none: of Chinese medicine, void, of another kind.
        unknown: (place, value) of what could not be taken as it stands.
    """

    coded: list[Coded] = field(default_factory=list)
    apart: list[Row] = field(default_factory=list)
    unknown: list[tuple[str, str]] = field(default_factory=list)


def read_codes(message: Message, node: str, tables: Tables, options: Options) -> Codes:
    """The entries of a node.

    The first row that is stated to be the principal has rank 0. None is promoted: where no row
    says so, the place stays empty, unless the hospital has set ``first_is_main``.
    """
    found, main = Codes(), False
    for at, row in enumerate(message.rows(node), 1):
        role = role_of(message, node, row, tables)
        code, about = _entry(message, node, row, tables)
        if doubtful(message, node, row, tables):
            found.unknown.append((message.place(node, "diag_type", at), code))
        if role in APART:
            found.apart.append(row)
            continue
        if isinstance(_code(message, node, row, tables), Number):
            # 51.23 without quotes may have been 51.2300: it is kept beside, not as a code.
            found.unknown.append(
                (message.place(node, _code_field(message, node, tables), at), code)
            )
            about["number"], code = code, ""
        rank = 0 if role == MAIN and not main else 1
        main = main or role == MAIN
        if code or about:
            found.coded.append(Coded(code=code, rank=rank, about=about))
    if found.coded and not main and options.first_is_main:
        first = found.coded[0]
        found.coded[0] = Coded(code=first.code, rank=0, about=first.about)
    return found


def _code_field(message: Message, node: str, tables: Tables) -> str:
    return next(m.field for m in tables.meanings(message.transaction, node) if m.to == "code")


def _code(message: Message, node: str, row: Row, tables: Tables) -> str:
    return row.get(_code_field(message, node, tables)) or ""


def _entry(message: Message, node: str, row: Row, tables: Tables) -> tuple[str, dict[str, str]]:
    """The code of a row and what else it says, its fields without a meaning under their names."""
    about: dict[str, str] = {}
    meanings = tables.meanings(message.transaction, node)
    taken = set()
    for meaning in meanings:
        value = row.get(meaning.field)
        if value is None or blank(value) or meaning.to in ("code", "role") or meaning.to in about:
            continue
        about[meaning.to] = str(value)
        taken.add(meaning.field)
    code = _code(message, node, row, tables).strip()
    taken.add(_code_field(message, node, tables))
    about |= {n: str(v) for n, v in row.items() if n not in taken and v is not None and v.strip()}
    return code, about
