"""Which model is in use: approve one, go back to the one before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from grouper.forecast.errors import ForecastError
from grouper.forecast.registry.approvals import (
    APPROVE,
    ROLLBACK,
    Approval,
    append,
    approvals,
    stack,
)
from grouper.forecast.registry.inspection import inspect
from grouper.forecast.registry.keeping import ids, stored
from grouper.forecast.registry.lock import writing
from grouper.forecast.registry.places import folder_of, shelf

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def approve(
    name: str,
    model: str,
    *,
    by: str,
    why: str = "",
    read: Callable[[Mapping[str, bytes], str], Any] | None = None,
) -> Approval:
    """Put a model into use, after every check.

    Args:
        name: of the models.
        model: which one.
        by: who approves.
        why: in their words.
        read: makes the object of the files; it must succeed. None: it is not tried.

    Raises:
        ForecastError: as :func:`grouper.forecast.registry.keeping.stored` and ``read``;
            ``FORECAST_MODEL_APPROVED_ALREADY``.
    """
    folder_of(name, model)
    with writing(shelf(name)):
        held = stack(approvals(name))
        if held and held[-1].id == model:
            raise ForecastError("FORECAST_MODEL_APPROVED_ALREADY", name=name, id=model)
        return _put(name, APPROVE, model, None, by, why, read)


def rollback(
    name: str,
    *,
    by: str,
    why: str = "",
    read: Callable[[Mapping[str, bytes], str], Any] | None = None,
) -> Approval:
    """Put the model approved before into use again; those that were taken away are passed over.

    Raises:
        ForecastError: ``FORECAST_NO_EARLIER``: there is none; else as :func:`approve`.
    """
    folder = shelf(name)
    if not folder.is_dir():
        raise ForecastError("FORECAST_NO_EARLIER", name=name)
    with writing(folder):
        held = stack(approvals(name))
        there = set(ids(name))
        top = held[-1].id if held else ""
        earlier = [one for one in held[:-1] if one.id in there and one.id != top]
        if not earlier:
            raise ForecastError("FORECAST_NO_EARLIER", name=name)
        last = earlier[-1]
        return _put(name, ROLLBACK, last.id, last.card_sha256, by, why, read)


def _put(
    name: str,
    action: str,
    model: str,
    card_sha256: str | None,
    by: str,
    why: str,
    read: Callable[[Mapping[str, bytes], str], Any] | None,
) -> Approval:
    found = stored(name, model, card_sha256=card_sha256)
    inspect(found.files)
    if read is not None:
        read(found.files, model)
    entry = Approval(
        action=action,
        id=model,
        card_sha256=found.card.sha256,
        at=datetime.now(UTC).replace(microsecond=0).isoformat(),
        by=by,
        why=why,
    )
    append(name, entry)
    return entry
