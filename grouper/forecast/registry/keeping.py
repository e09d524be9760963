"""Models written, read, listed, checked and taken away."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError, Where
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry import provenance
from grouper.forecast.registry.approvals import current
from grouper.forecast.registry.card import Card, id_of, listed, read_card
from grouper.forecast.registry.inspection import inspect
from grouper.forecast.registry.lock import writing
from grouper.forecast.registry.places import (
    CARD,
    NEW,
    OLD,
    folder_of,
    is_id,
    is_name,
    limit,
    read_bytes,
    root,
    shelf,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Stored:
    """A model as it is kept: its card and its files, which are those that the card names."""

    card: Card
    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What training says of a model beside its files; the rest of the card is found here.

    Attributes:
        command: by which it was made; without names of persons or cases.
        data: of what: ``files`` with name and SHA-256, counts, first and last discharge.
        basis: region, schemes and policies.
        metrics: an evaluation's document; empty: never judged.
        drift: a reference's document.
        notes: what is to be said beside.
    """

    command: str
    data: Mapping[str, Any]
    basis: Mapping[str, Any]
    metrics: Mapping[str, Any]
    drift: Mapping[str, Any]
    notes: Sequence[str] = ()


def keep(
    name: str, files: Mapping[str, bytes], made: Made, trained_at: datetime | None = None
) -> Card:
    """Write a model; it is there whole or not at all, and nothing is approved by it.

    Args:
        name: under which it is kept.
        files: by name; suffixes as in ``data/registry.toml``.
        made: what training says.
        trained_at: when; None: now.

    Raises:
        ForecastError: ``FORECAST_MODEL_NAME``, ``FORECAST_FILE_NAME``, ``FORECAST_FILE_LARGE``,
            ``FORECAST_MODEL_UNREADABLE`` for what cannot be kept; ``FORECAST_MODEL_EXISTS``;
            ``FORECAST_REGISTRY_BUSY``, ``FORECAST_REGISTRY_WRITE``.
    """
    folder = shelf(name)
    when = (trained_at or datetime.now(UTC)).astimezone(UTC).replace(microsecond=0)
    told = listed(files)
    card = Card(
        name=name,
        id=id_of(when, told),
        trained_at=when,
        command=made.command,
        data=made.data,
        basis=made.basis,
        code=provenance.code(),
        features=provenance.features(),
        settings=provenance.settings(),
        metrics={key: made.metrics[key] for key in limit("metrics") if key in made.metrics},
        drift=made.drift,
        notes=tuple(made.notes),
        files=told,
    )
    raw = card.raw()
    # What is written can be read: the same eyes that will read it look at it now.
    card = read_card(raw)
    inspect(files)
    with writing(folder):
        _tidy(folder)
        if (folder / card.id).exists():
            raise ForecastError("FORECAST_MODEL_EXISTS", Where(file=name), id=card.id)
        part = Path(tempfile.mkdtemp(prefix=NEW, dir=folder))
        try:
            for file, content in {**files, CARD: raw}.items():
                _written(part / file, content)
            part.chmod(0o755)
            part.rename(folder / card.id)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
    return card


def card_of(name: str, model: str) -> Card:
    """The card of a model, whose files are not looked at.

    Raises:
        ForecastError: ``FORECAST_MODEL_NAME``, ``FORECAST_MODEL_ABSENT``, ``FORECAST_FILE_…``,
            ``FORECAST_CARD_UNREADABLE``, ``FORECAST_MODEL_OUTDATED``.
    """
    raw = read_bytes(folder_of(name, model) / CARD, limit("most_card_bytes"))
    card = read_card(raw)
    if (card.name, card.id) != (name, model):
        raise ForecastError("FORECAST_CARD_UNREADABLE", Where(file=CARD), key="id")
    return card


def stored(name: str, model: str, *, card_sha256: str | None = None) -> Stored:
    """A model with its files, after every check.

    Args:
        name: under which it is kept.
        model: its id.
        card_sha256: what its card was when it was approved.

    Raises:
        ForecastError: as :func:`card_of`; ``FORECAST_FILE_CHANGED`` where card or file is another
            than it was; ``FORECAST_MODEL_OUTDATED`` where it was made of other features.
    """
    card = card_of(name, model)
    if card_sha256 is not None and card.sha256 != card_sha256:
        raise ForecastError("FORECAST_FILE_CHANGED", Where(file=CARD))
    if card.features.get("sha256") != provenance.features_hash():
        raise ForecastError("FORECAST_MODEL_OUTDATED", Where(file=CARD), what="features")
    folder = folder_of(name, model)
    files = {}
    for file, told in card.files.items():
        files[file] = read_bytes(folder / file, limit("most_file_bytes"))
        if listed({file: files[file]})[file] != told:
            raise ForecastError("FORECAST_FILE_CHANGED", Where(file=file))
    return Stored(card, files)


def check(name: str, model: str) -> tuple[Card, list[GrouperError]]:
    """A model's card and all that is wrong with it, and with what lies beside its files.

    Raises:
        ForecastError: as :func:`card_of`: without a card nothing can be checked.
    """
    card = card_of(name, model)
    found: list[GrouperError] = []
    try:
        held = current(name)
        known = held.card_sha256 if held and held.id == model else None
        inspect(stored(name, model, card_sha256=known).files)
    except ForecastError as error:
        found.append(error)
    beside = {one.name for one in folder_of(name, model).iterdir()} - {*card.files, CARD}
    found += [ForecastError("FORECAST_FILE_UNLISTED", Where(file=one)) for one in sorted(beside)]
    return card, found


def names() -> list[str]:
    """The names of models."""
    return _folders(root(), is_name)


def ids(name: str) -> list[str]:
    """The models of a name, the newest first.

    Raises:
        ForecastError: ``FORECAST_MODEL_NAME``.
    """
    return _folders(shelf(name), is_id)[::-1]


def remove(name: str, model: str) -> None:
    """Take a model away; not the one in use.

    Raises:
        ForecastError: ``FORECAST_MODEL_APPROVED``; as :func:`folder_of`, ``approvals`` and ``writing``.
    """
    folder = folder_of(name, model)
    with writing(folder.parent):
        held = current(name)
        if held is not None and held.id == model:
            raise ForecastError("FORECAST_MODEL_APPROVED", name=name, id=model)
        away = Path(tempfile.mkdtemp(prefix=OLD, dir=folder.parent))
        # In one step out of sight; what a kill leaves is tidied by the next writer.
        folder.rename(away / model)
        shutil.rmtree(away)


def _folders(place: Path, wanted: Callable[[str], bool]) -> list[str]:
    if not place.is_dir():
        return []
    return sorted(one.name for one in _entries(place) if wanted(one.name))


def _entries(place: Path) -> Iterator[os.DirEntry[str]]:
    with os.scandir(place) as found:
        yield from (one for one in found if one.is_dir(follow_symlinks=False))


def _tidy(folder: Path) -> None:
    """Take away what writers that were killed left; the caller holds the lock."""
    for one in list(_entries(folder)):
        if one.name.startswith((NEW, OLD)):
            shutil.rmtree(one.path, ignore_errors=True)


def _written(path: Path, raw: bytes) -> None:
    with path.open("xb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())
