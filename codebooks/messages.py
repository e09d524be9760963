"""Message catalogues: every text a user meets, by key, in Chinese (default) and English.

A catalogue is a folder ``<package>/<language>/*.toml``; keys are the dotted path of the TOML
tables, values are :meth:`str.format` templates. Packages above this one add their own folder with
:func:`register`.
"""

from __future__ import annotations

import os
import tomllib
from functools import cache
from importlib.resources import files

LANGUAGES = ("zh", "en")
_packages: list[str] = ["codebooks.text"]


def register(package: str) -> None:
    """Add the catalogue folder of another package (once)."""
    if package not in _packages:
        _packages.append(package)
        catalogue.cache_clear()


def language() -> str:
    """The language of this process: ``GROUPER_LANG`` (``zh`` or ``en``), else Chinese."""
    wanted = os.environ.get("GROUPER_LANG", "zh")[:2].lower()
    return wanted if wanted in LANGUAGES else "zh"


def _flatten(table: dict[str, object], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, dict):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = str(value)
    return flat


@cache
def catalogue(lang: str) -> dict[str, str]:
    """All texts of one language, by key. A key defined twice is a programming error."""
    texts: dict[str, str] = {}
    for package in _packages:
        folder = files(package) / lang
        for file in sorted(folder.iterdir(), key=lambda f: f.name):
            if file.name.endswith(".toml"):
                for key, value in _flatten(tomllib.loads(file.read_text("utf-8"))).items():
                    if key in texts:
                        msg = f"message key {key} is defined twice for {lang}"
                        raise ValueError(msg)
                    texts[key] = value
    return texts


def text(key: str, lang: str | None = None, /, **params: object) -> str:
    """The text of ``key`` with its parameters filled in.

    Raises:
        KeyError: the key is in no catalogue.
    """
    return catalogue(lang or language())[key].format(**params)
