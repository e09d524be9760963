"""The options of the folder listener, read from a table of the settings."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from types import MappingProxyType
from typing import Any, Self

from codebooks.errors import GrouperError
from codebooks.messages import text

SETTLED, MARKER = "settled", "marker"
_PREFIX = "listeners.folder"
_DAY = 24 * 3600.0


def _ranged(default: float, least: float, most: float) -> Any:  # noqa: ANN401 -- a field
    return field(default=default, metadata={"least": least, "most": most})


def invalid(option: str, why: str, **params: object) -> GrouperError:
    """``SETTING_INVALID`` for an option, with a reason of the catalogue ``folder.why``."""
    reason = text(f"folder.why.{why}", None, **params)
    return GrouperError("SETTING_INVALID", setting=f"{_PREFIX}.{option}", why=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderOptions:
    """Options of one watched folder; sizes in bytes, times in seconds.

    Attributes:
        path: the folder; it must exist.
        name: stands beside each message in the inbox as ``folder:NAME``; by default the last part
            of the path.
        form: of all files; empty: the end of each file's name says it
            (:mod:`hl7_adapters.folder.names`).
        suffixes: what ends of names mean here, above the table that is shipped: a form (or several,
            told by content), ``partial`` or ``marker``.
        whole: when a file is whole: ``settled`` (unchanged for ``settle``, or a marker stands
            beside it) or ``marker`` (only with its marker).
        poll: between two looks at the folder.
        settle: a file whose size and time of change stayed the same for so long is whole.
        empty: a file without content is put aside when it stayed so for this long.
        limit: longest file; a longer one is put aside unread.
    """

    path: str
    name: str = ""
    form: str = ""
    suffixes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    whole: str = SETTLED
    poll: float = _ranged(2.0, 0.01, _DAY)
    settle: float = _ranged(5.0, 0.0, _DAY)
    empty: float = _ranged(3600.0, 0.0, 30 * _DAY)
    limit: int = _ranged(64 * 1024 * 1024, 1, 900_000_000)

    @classmethod
    def from_mapping(cls, values: Mapping[str, object]) -> Self:
        """Options from a table ``listeners.NAME``.

        Raises:
            GrouperError: ``SETTING_INVALID``; names the option.
        """
        known = {option.name: option for option in fields(cls)}
        for name in values:
            if name not in known:
                raise invalid(name, "unknown", known=", ".join(known))
        for name, option in known.items():
            nothing = option.default is MISSING and option.default_factory is MISSING
            if nothing and not values.get(name):
                raise invalid(name, "missing")
        read = cls(**{name: _value(known[name], value) for name, value in values.items()})
        if read.whole not in (SETTLED, MARKER):
            raise invalid("whole", "one_of", known=f"{SETTLED}, {MARKER}")
        return read


def _value(option: Any, value: object) -> Any:  # noqa: ANN401 -- a field and its value
    """A value as the option's kind; numbers from the environment come as text."""
    if option.type == "str":
        if not isinstance(value, str) or "\0" in value:
            raise invalid(option.name, "text")
        return value
    if option.name == "suffixes":
        texts = isinstance(value, Mapping) and all(
            isinstance(part, str) for pair in value.items() for part in pair
        )
        if not texts:
            raise invalid(option.name, "suffixes")
        return value
    least, most = option.metadata["least"], option.metadata["most"]
    number = _number(value, whole=option.type == "int")
    if number is None or not least <= number <= most:
        raise invalid(option.name, str(option.type), least=least, most=most)
    return number


def _number(value: object, *, whole: bool) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = int(value) if whole else float(value)
    except (ValueError, OverflowError):
        return None
    # 2.5 is no count of bytes, and no limit is not a number.
    same = isinstance(value, str) or number == value
    return number if same and (whole or math.isfinite(number)) else None
