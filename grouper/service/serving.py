"""The process that answers people and systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

import uvicorn

from grouper.service import status
from grouper.service.app import create_app

if TYPE_CHECKING:
    from grouper.service.settings import Settings
    from grouper.store.database import Database


def serve(settings: Settings, database: Database) -> None:
    """Answer people and systems until a signal comes."""
    web = settings.web
    with status.telling(settings.folder, "web"):
        uvicorn.run(
            create_app(settings, database),
            host=web.host,
            port=web.port,
            ssl_certfile=None if web.tls_certificate is None else str(web.tls_certificate),
            ssl_keyfile=None if web.tls_key is None else str(web.tls_key),
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
        )
