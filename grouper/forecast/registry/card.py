"""The card of a model: of what and how it was made, how good it was, which files it is."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from codebooks.errors import Where
from codebooks.plain import json_of
from grouper.forecast.errors import ForecastError
from grouper.forecast.registry.places import CARD, is_file, is_id, is_name, limit

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION = 1
"""Of the form of cards and of what models are asked for; another one is not read."""
_HEX = 64
_SHORT = 8


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of a model: its size in bytes and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What stands on the card of a model.

    Attributes:
        name: under which it is kept.
        id: time of its making (UTC) and the beginning of its content's hash.
        trained_at: the same time.
        command: by which it was made.
        data: of what: files with their SHA-256, counts, first and last discharge …
        basis: region, schemes and policies, each with its hash.
        code: version of this software, hash of its sources, of its libraries the versions.
        features: what it asks for, and the hash of the tables that say so.
        settings: by which it was made.
        metrics: how good it was on stays that it had not seen; empty: never judged.
        drift: the ranges in which weeks lay while it was made; empty: none.
        notes: what is to be said beside.
        files: by name.
        sha256: of the card itself; empty while it is not written.
    """

    name: str
    id: str
    trained_at: datetime
    command: str
    data: Mapping[str, Any]
    basis: Mapping[str, Any]
    code: Mapping[str, Any]
    features: Mapping[str, Any]
    settings: Mapping[str, Any]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    drift: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    files: Mapping[str, Listed] = field(default_factory=dict)
    sha256: str = ""

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(one.size for one in self.files.values())

    def document(self) -> dict[str, Any]:
        """As JSON knows it."""
        return {
            "version": VERSION,
            "name": self.name,
            "id": self.id,
            "trained_at": self.trained_at.isoformat(),
            "command": self.command,
            "data": dict(self.data),
            "basis": dict(self.basis),
            "code": dict(self.code),
            "features": dict(self.features),
            "settings": dict(self.settings),
            "metrics": dict(self.metrics),
            "drift": dict(self.drift),
            "notes": list(self.notes),
            "files": {
                name: {"bytes": one.size, "sha256": one.sha256} for name, one in self.files.items()
            },
        }

    def raw(self) -> bytes:
        """The bytes of ``card.json``.

        Raises:
            ValueError: it holds a number that JSON does not know.
        """
        text = json.dumps(self.document(), ensure_ascii=False, indent=1, allow_nan=False)
        return (text + "\n").encode()


def read_card(raw: bytes) -> Card:
    """The card of its bytes.

    Raises:
        ForecastError: ``FORECAST_CARD_UNREADABLE``, with what is wrong; ``FORECAST_FILE_NAME`` for a
            file that a model may not have; ``FORECAST_MODEL_OUTDATED`` for another version.
    """
    try:
        found = json_of(raw.decode("utf-8"), parse_constant=_no_number)
        # Half a character could be neither shown nor written.
        json.dumps(found, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise _unreadable("JSON") from error
    if not isinstance(found, dict):
        raise _unreadable("JSON")
    version = found.get("version")
    if type(version) is int and version != VERSION:
        raise ForecastError("FORECAST_MODEL_OUTDATED", Where(file=CARD), what=f"version {version}")
    parts = {
        name: _of_kind(found, name, dict)
        for name in ("data", "basis", "code", "features", "settings", "metrics", "drift", "files")
    }
    files = {str(name): _listed(name, value) for name, value in parts.pop("files").items()}
    if not 0 < len(files) <= limit("most_files"):
        raise _unreadable("files")
    if sum(one.size for one in files.values()) > limit("most_model_bytes"):
        raise ForecastError("FORECAST_FILE_LARGE", Where(file=CARD), most=limit("most_model_bytes"))
    name, model = (_of_kind(found, key, str) for key in ("name", "id"))
    notes = _of_kind(found, "notes", list)
    for wrong, key in (
        (type(version) is not int, "version"),
        (not is_name(name), "name"),
        (not is_id(model), "id"),
        (not all(isinstance(note, str) for note in notes), "notes"),
        (not model.endswith(content_hash(files)[:_SHORT]), "id"),
    ):
        if wrong:
            raise _unreadable(key)
    return Card(
        name=name,
        id=model,
        trained_at=_moment(_of_kind(found, "trained_at", str)),
        command=_of_kind(found, "command", str),
        notes=tuple(notes),
        files=files,
        sha256=hashlib.sha256(raw).hexdigest(),
        **parts,
    )


def listed(files: Mapping[str, bytes]) -> dict[str, Listed]:
    """The files of a model as its card lists them, by name in order.

    Raises:
        ForecastError: ``FORECAST_FILE_NAME``, ``FORECAST_FILE_LARGE``.
    """
    found = {}
    for name in sorted(files):
        size = len(files[name])
        found[name] = _checked(name, Listed(size, hashlib.sha256(files[name]).hexdigest()))
    return found


def content_hash(files: Mapping[str, Listed]) -> str:
    """SHA-256 over the names and hashes of files."""
    lines = [f"{name} {files[name].sha256}\n" for name in sorted(files)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def id_of(trained_at: datetime, files: Mapping[str, Listed]) -> str:
    """The id of a model made at a time (UTC)."""
    return f"{trained_at:%Y%m%dT%H%M%SZ}-{content_hash(files)[:_SHORT]}"


def _listed(name: str, value: Any) -> Listed:  # noqa: ANN401 -- whatever JSON holds
    if not isinstance(value, dict) or type(value.get("bytes")) is not int or value["bytes"] < 0:
        raise _unreadable("files")
    sha = value.get("sha256")
    if not isinstance(sha, str) or len(sha) != _HEX or set(sha) - set("0123456789abcdef"):
        raise _unreadable("files")
    return _checked(name, Listed(value["bytes"], sha))


def _checked(name: str, one: Listed) -> Listed:
    if not is_file(name):
        raise ForecastError("FORECAST_FILE_NAME", Where(file=CARD))
    if one.size > limit("most_file_bytes"):
        raise ForecastError("FORECAST_FILE_LARGE", Where(file=name), most=limit("most_file_bytes"))
    return one


def _of_kind(found: Mapping[str, Any], key: str, kind: type) -> Any:  # noqa: ANN401 -- that kind
    if not isinstance(found.get(key), kind):
        raise _unreadable(key)
    return found[key]


def _moment(written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise _unreadable("trained_at") from error
    if moment.tzinfo is None:
        raise _unreadable("trained_at")
    return moment


def _no_number(word: str) -> None:
    raise ValueError(word)


def _unreadable(key: str) -> ForecastError:
    return ForecastError("FORECAST_CARD_UNREADABLE", Where(file=CARD), key=key)
