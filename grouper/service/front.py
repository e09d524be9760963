"""How a port is opened: the same for the REST interface and the pages, alone or behind a proxy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import uvicorn

from grouper.service.http_protocol import BoundedProtocol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from grouper.service.settings import Pages, Settings, Web


def options(settings: Settings, port: Web | Pages) -> dict[str, Any]:
    """How uvicorn is to serve a port.

    What a request says of its way (``X-Forwarded-For``, ``X-Forwarded-Proto``) is believed only when it
    comes from a proxy that the settings trust; then the address of the request is that of the client.

    Args:
        settings: of the service.
        port: where it listens.
    """
    certificate, key = settings.web.tls_certificate, settings.web.tls_key
    trusted = list(settings.proxy.trusted)
    return {
        "host": port.host,
        "port": port.port,
        "ssl_certfile": None if certificate is None else str(certificate),
        "ssl_keyfile": None if key is None else str(key),
        "http": BoundedProtocol,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(trusted),
        # Never by the environment: uvicorn would read FORWARDED_ALLOW_IPS.
        "forwarded_allow_ips": trusted,
    }


def run(
    application: Callable[..., Awaitable[None]],
    settings: Settings,
    port: Web | Pages,
) -> None:
    """Serve an application until a signal comes.

    Args:
        application: an ASGI application.
        settings: of the service.
        port: where it listens.
    """
    uvicorn.run(application, **options(settings, port))
