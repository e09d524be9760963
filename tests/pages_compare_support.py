"""The page that compares two schemes, run for somebody on a store of a few invented stays."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from comparing_support import OFFICE
from service_support import Service
from streamlit.testing.v1 import AppTest

from dashboards.frame.parts import Parts, hold
from grouper.service.access.principal import Principal

SCRIPT = """
from importlib import import_module
from dashboards.frame.language import lang
from dashboards.frame.parts import parts
from dashboards.frame.view import View
import_module("dashboards.app_pages.compare").page(View(parts().asker(), parts(), lang()))
"""


@pytest.fixture
def asker() -> list[Principal | None]:
    return [OFFICE]


@pytest.fixture
def shown(stored: Service, asker: list[Principal | None]) -> Iterator[Service]:
    hold(Parts(stored.settings, stored.database, lambda: asker[0]))
    yield stored
    hold(None)


def run(lang: str = "en", **params: str) -> AppTest:
    app = AppTest.from_string(SCRIPT, default_timeout=60)
    for name, value in {"lang": lang, **params}.items():
        app.query_params[name] = value
    return app.run()


def words(app: AppTest) -> str:
    parts = (app.error, app.info, app.warning, app.caption, app.markdown, app.subheader)
    return "\n".join(str(one.value) for part in parts for one in part)


def listed(app: AppTest) -> list[str]:
    """The case ids of the links that are shown."""
    return re.findall(r"/case\?case_id=([0-9a-f-]{36})", words(app))


def logged(made: Service) -> list[str]:
    return [action for _, action, _ in made.looks()]


def begin(app: AppTest) -> AppTest:
    return app.button[0].click().run()
