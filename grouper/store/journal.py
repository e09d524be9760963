"""Changes of memory that can be taken back: a message is applied wholly or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_K = TypeVar("_K")
_V = TypeVar("_V")
_ABSENT = object()


class Journal:
    """Remembers what mappings and lists held, from :meth:`begin` on."""

    def __init__(self) -> None:
        self._undo: list[tuple[Any, Any, Any]] = []

    def begin(self) -> None:
        """What was changed so far stands."""
        self._undo.clear()

    def put(self, mapping: MutableMapping[_K, _V], key: _K, value: _V) -> None:
        """``mapping[key] = value``, to be taken back by :meth:`undo`."""
        self._undo.append((mapping, key, mapping.get(key, _ABSENT)))
        mapping[key] = value

    def add(self, rows: list[_V], row: _V) -> None:
        """``rows.append(row)``, likewise."""
        self._undo.append((rows, None, len(rows)))
        rows.append(row)

    def undo(self) -> None:
        """Everything since :meth:`begin` as it was."""
        for place, key, before in reversed(self._undo):
            if isinstance(place, list):
                del place[before:]
            elif before is _ABSENT:
                del place[key]
            else:
                place[key] = before
        self._undo.clear()
