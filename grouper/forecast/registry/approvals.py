"""Which model of a name is approved, and every approval before it: nothing is struck out.

An approval puts a model on top of those before; to roll back takes the top away again. The list keeps
both, so that it tells who had what in use when.
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from codebooks.errors import Where
from codebooks.plain import json_of
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry.places import APPROVALS, is_id, limit, read_bytes, shelf

APPROVE, ROLLBACK = "approve", "rollback"
_VERSION = 1
_TEXTS = ("action", "id", "card_sha256", "at", "by", "why")


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An entry of the list.

    Attributes:
        action: :data:`APPROVE` or :data:`ROLLBACK`.
        id: of the model that is in use from here on.
        card_sha256: of its card, so that a card that changed since is noticed.
        at: when, ISO 8601.
        by: who.
        why: in their words.
    """

    action: str
    id: str
    card_sha256: str
    at: str
    by: str
    why: str


def approvals(name: str) -> tuple[Approval, ...]:
    """The list of a name, the oldest first; empty where there is none.

    Raises:
        ForecastError: ``FORECAST_MODEL_NAME``; ``FORECAST_APPROVALS_UNREADABLE``;
            ``FORECAST_FILE_LINK``, ``FORECAST_FILE_LARGE``, ``FORECAST_FILE_MISSING``.
    """
    path = shelf(name) / APPROVALS
    if not path.exists() and not path.is_symlink():
        return ()
    raw = read_bytes(path, limit("most_card_bytes"))
    try:
        found = json_of(raw.decode("utf-8"))
        entries = found["approvals"]
        known = found["version"] == _VERSION and isinstance(entries, list)
        made = tuple(_entry(one) for one in entries) if known else ()
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise _unreadable() from error
    if not known or len(made) > limit("most_approvals"):
        raise _unreadable()
    stack(made)
    return made


def stack(entries: tuple[Approval, ...]) -> list[Approval]:
    """The approvals that hold, the one in use last: what was rolled back is off.

    Raises:
        ForecastError: ``FORECAST_APPROVALS_UNREADABLE``: it rolls back to what was not there.
    """
    found: list[Approval] = []
    for one in entries:
        if one.action == APPROVE:
            found.append(one)
            continue
        while found and found[-1].id != one.id:
            found.pop()
        if not found:
            raise _unreadable()
        found[-1] = one
    return found


def current(name: str) -> Approval | None:
    """The approval in use; None: there is none.

    Raises:
        ForecastError: as :func:`approvals`.
    """
    held = stack(approvals(name))
    return held[-1] if held else None


def append(name: str, entry: Approval) -> None:
    """Add an entry; the caller holds the lock of the name.

    Raises:
        ForecastError: as :func:`approvals`; ``FORECAST_APPROVALS_FULL``: too many, too long, or with
            a character that has no spelling.
        OSError: it cannot be written; the list is as it was.
    """
    entries = (*approvals(name), entry)
    document = {"version": _VERSION, "approvals": [asdict(one) for one in entries]}
    text = json.dumps(document, ensure_ascii=False, indent=1) + "\n"
    try:
        raw = text.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise _full() from cause
    if len(entries) > limit("most_approvals") or len(raw) > limit("most_card_bytes"):
        # What could never be read again is not written.
        raise _full()
    folder = shelf(name)
    number, part = tempfile.mkstemp(prefix=f".{APPROVALS}-", dir=folder)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        Path(part).chmod(0o644)
        Path(part).replace(folder / APPROVALS)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _entry(found: Any) -> Approval:  # noqa: ANN401 -- whatever JSON holds
    texts = {name: found[name] for name in _TEXTS}
    if not all(isinstance(value, str) for value in texts.values()):
        raise TypeError
    if texts["action"] not in {APPROVE, ROLLBACK} or not is_id(texts["id"]):
        raise ValueError
    if datetime.fromisoformat(texts["at"]).tzinfo is None:
        raise ValueError
    return Approval(**texts)


def _full() -> ForecastError:
    return ForecastError("FORECAST_APPROVALS_FULL", Where(file=APPROVALS))


def _unreadable() -> ForecastError:
    return ForecastError("FORECAST_APPROVALS_UNREADABLE", Where(file=APPROVALS))
