"""Where codebooks lie: shipped with the package, and installed by the hospital."""

from __future__ import annotations

import os
from importlib.resources import files
from pathlib import Path

from platformdirs import user_data_path


def shipped() -> Path:
    """The codebooks inside the package."""
    return Path(str(files("codebooks"))) / "data"


def installed() -> Path:
    """The hospital's own codebooks: ``GROUPER_DATA``, else the user's data directory."""
    own = os.environ.get("GROUPER_DATA")
    return Path(own) if own else user_data_path("grouper", appauthor=False)
