"""The process that answers people and systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grouper.service import status
from grouper.service.app import create_app
from grouper.service.front import run

if TYPE_CHECKING:
    from grouper.service.settings import Settings
    from grouper.store.database import Database


def serve(settings: Settings, database: Database) -> None:
    """Answer people and systems until a signal comes."""
    with status.telling(settings.folder, "web"):
        run(create_app(settings, database), settings, settings.web)
