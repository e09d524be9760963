"""The approved model as an object, for those who ask often: read once, taken up anew when it changes.

A new approval is seen at the next question. Where it cannot be read the last good model stays in use,
and the log says why. Nothing is trained here.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from codebooks.errors import GrouperError
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry.approvals import current
from grouper.forecast.registry.keeping import stored
from grouper.forecast.registry.places import APPROVALS, DEFAULT, limit, shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from grouper.forecast.registry.approvals import Approval
    from grouper.forecast.registry.card import Card

Model = TypeVar("Model")
_log = logging.getLogger("grouper.forecast.registry")


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Model]):
    """An approved model.

    Attributes:
        model: the object.
        id: its id.
        card: its card.
        approval: by which it came into use.
        problem: why a newer approval is not in use; None: this is the newest.
    """

    model: Model
    id: str
    card: Card
    approval: Approval
    problem: GrouperError | None = None


@dataclass(slots=True)
class _Kept:
    """A model in memory, the state of the list when it was read, and when to try again."""

    loaded: Loaded[Any]
    stamp: tuple[int, ...]
    again: float


_kept: dict[tuple[Path, Any], _Kept] = {}
_guard = threading.Lock()


def approved(
    name: str = DEFAULT, read: Callable[[Mapping[str, bytes], str], Model] | None = None
) -> Loaded[Model]:
    """The model of a name that is in use.

    Args:
        name: of the models.
        read: makes the object of the model's files and its id; None: the files themselves.

    Raises:
        ForecastError: ``FORECAST_MODEL_NAME``; ``FORECAST_NO_MODEL``: none is approved; and where no
            good model is in memory whatever hinders reading this one.
    """
    maker: Callable[[Mapping[str, bytes], str], Any] = read or _files
    key = (shelf(name), maker)
    with _guard:
        return _approved(name, maker, key)


def forget() -> None:
    """Read everything anew at the next question."""
    with _guard:
        _kept.clear()


def _approved(
    name: str, read: Callable[[Mapping[str, bytes], str], Any], key: tuple[Path, Any]
) -> Loaded[Any]:
    stamp = _stamp(key[0])
    kept = _kept.get(key)
    if kept is not None and kept.stamp == stamp and time.monotonic() < kept.again:
        return kept.loaded
    if not stamp:
        _kept.pop(key, None)
        raise ForecastError("FORECAST_NO_MODEL", name=name)
    try:
        held = current(name)
        if held is None:
            raise ForecastError("FORECAST_NO_MODEL", name=name)
        if kept is not None and (kept.loaded.id, kept.loaded.approval) == (held.id, held):
            loaded = replace(kept.loaded, problem=None)
        else:
            found = stored(name, held.id, card_sha256=held.card_sha256)
            loaded = Loaded(read(found.files, held.id), held.id, found.card, held)
            _log.info("model %s of %s in use", held.id, name)
    except GrouperError as error:
        if kept is None:
            raise
        if kept.loaded.problem is None or kept.stamp != stamp:
            _log.warning("model of %s not read: %s; %s stays", name, error.code, kept.loaded.id)
        again = time.monotonic() + float(limit("retry_seconds"))
        _kept[key] = _Kept(replace(kept.loaded, problem=error), stamp, again)
        return _kept[key].loaded
    _kept[key] = _Kept(loaded, stamp, float("inf"))
    return loaded


def _files(files: Mapping[str, bytes], _: str) -> Mapping[str, bytes]:
    return files


def _stamp(folder: Path) -> tuple[int, ...]:
    """What changes whenever the list of approvals is written; empty: it is not there."""
    try:
        found = (folder / APPROVALS).stat()
    except OSError:
        return ()
    return (found.st_mtime_ns, found.st_size, found.st_ino)
