"""The settings as a backup keeps them: to be read by people after a loss, without their secrets."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grouper.service.backup_archive import backup_data

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from grouper.service.settings import Settings

_SIGNED_IN = re.compile(r"(?<=://)[^/@\s]+@")
"""Name and password in a URL."""


def without_secrets(settings: Settings) -> dict[str, Any]:
    """What is set other than by default, wherever it was set, as plain JSON.

    Secrets are masked, by their kind and by their name (``data/backup.toml``).
    """
    told = settings.model_dump(mode="json", exclude_defaults=True)
    found: dict[str, Any] = _masked(told)
    return {"settings": found}


def _masked(value: Any, name: str = "") -> Any:  # noqa: ANN401 -- JSON
    secret, mask = backup_data()["secret_names"], backup_data()["mask"]
    if isinstance(value, dict):
        return {key: _masked(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_masked(one, name) for one in value]
    if value and any(fnmatch(name.lower(), one) for one in secret):
        return mask
    return _SIGNED_IN.sub(f"{mask}@", value) if isinstance(value, str) else value


def named_files(settings: Settings, without: Iterable[Path]) -> dict[str, Path]:
    """Files that the options of forms name, such as the hospital's own mapping of messages.

    Args:
        settings: of the service.
        without: folders whose files are in the backup by themselves.

    Returns:
        Where they lie, by what they are called in the backup.
    """
    bases, most = [one.resolve() for one in without], backup_data()["most_named_bytes"]
    found: dict[str, Path] = {}
    for text in sorted(set(_texts(settings.forms))):
        path = Path(text)
        try:
            if not path.is_file() or path.stat().st_size > most:
                continue
        except (OSError, ValueError):
            # Too long for a name, or no name at all.
            continue
        if not any(path.resolve().is_relative_to(base) for base in bases):
            found[f"files/{len(found) + 1}-{path.name}"] = path
    return found


def _texts(value: Mapping[str, Any] | Any) -> Iterator[str]:  # noqa: ANN401 -- as in the settings
    if isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _texts(one)
    elif isinstance(value, str):
        yield value
