"""What a hospital may set for the NHSA form (``forms.nhsa`` of the service's settings)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codebooks.errors import GrouperError
from hl7_adapters.nhsa.tables import Tables, load_tables

_NUMBERS = ("patient", "visit")
_SWITCHES = ("link", "first_is_main", "blank_clears")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How messages are read.

    Attributes:
        dialect: of all messages; None: the one that fits best.
        tables: folder of the hospital's own tables; None: none.
        patient: fields that may hold the number of the patient, the best first; empty: as
            ``data/keys.csv`` says.
        visit: as ``patient``.
        link: a message that states several numbers of a visit says that they are one stay.
        first_is_main: where no row of a list says which one is the principal, it is the first.
        blank_clears: an empty field of a settlement list or front page clears what was said before.
    """

    dialect: str | None = None
    tables: Path | None = None
    patient: tuple[str, ...] = ()
    visit: tuple[str, ...] = ()
    link: bool = False
    first_is_main: bool = False
    blank_clears: bool = False

    def load(self) -> Tables:
        """The tables.

        Raises:
            CodebookError: as :func:`hl7_adapters.nhsa.tables.load_tables`.
        """
        return load_tables(self.tables)


def read_options(raw: Mapping[str, Any]) -> Options:
    """Options as the settings write them.

    Raises:
        GrouperError: ``SETTING_INVALID``; ``CodebookError``: a table of the hospital is refused.
    """
    found: dict[str, Any] = {}
    for name, value in raw.items():
        if name in _SWITCHES:
            if not isinstance(value, bool):
                raise _invalid(name, "true, false")
            found[name] = value
        elif name in _NUMBERS:
            if (
                isinstance(value, str)
                or not isinstance(value, Sequence)
                or not all(isinstance(v, str) for v in value)
            ):
                raise _invalid(name, '["mdtrt_id", …]')
            found[name] = tuple(value)
        elif name == "tables":
            folder = Path(str(value))
            if not folder.is_dir():
                raise _invalid(name, str(folder))
            found[name] = folder
        elif name == "dialect":
            found[name] = value
        else:
            known = ", ".join((*_NUMBERS, *_SWITCHES, "tables", "dialect"))
            raise _invalid(name, known)
    options = Options(**found)
    dialects = options.load().dialects
    # A list cannot be looked up among names.
    if options.dialect is not None and options.dialect not in tuple(dialects):
        raise _invalid("dialect", ", ".join(repr(d) for d in dialects))
    return options


def _invalid(name: str, why: str) -> GrouperError:
    return GrouperError("SETTING_INVALID", setting=f"forms.nhsa.{name}", why=why)
