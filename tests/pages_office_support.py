"""The pages of the insurance office, each run by itself on a store of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import streamlit as st
from service_support import HEART, PEOPLE, JsonForm, Service, service
from streamlit.testing.v1 import AppTest

from dashboards.frame.parts import Parts, hold
from grouper.service.worker import Worker


def _script(page: str) -> None:
    from importlib import import_module  # noqa: PLC0415 -- AppTest runs the source of this function alone

    from dashboards.frame.language import lang  # noqa: PLC0415 -- as above
    from dashboards.frame.parts import parts  # noqa: PLC0415 -- as above
    from dashboards.frame.view import View  # noqa: PLC0415 -- as above

    asker = parts().asker()
    if asker is not None:
        import_module(f"dashboards.app_pages.{page}").page(View(asker, parts(), lang()))


class Office:
    """Pages on a service, and who looks at them."""

    def __init__(self, running: Service) -> None:
        self.running = running
        self.who = "office"

    def stays(self, messages: Iterable[dict[str, Any]]) -> None:
        """Send messages of stays and apply them all at once."""
        for number, message in enumerate(messages):
            body = {"id": f"s{number}", **message, "facts": HEART | message.get("facts", {})}
            self.running.ask("office", "POST", "/api/v1/inbox/fhir", json=body)
        worker = Worker(self.running.settings, self.running.database, {"fhir": JsonForm()})
        while worker.step():
            pass

    def page(self, page: str, **params: str) -> AppTest:
        """Run a page at its address, by a session of its own."""
        st.cache_data.clear()
        running = self.running
        hold(Parts(running.settings, running.database, lambda: PEOPLE[self.who]))
        found = AppTest.from_function(_script, default_timeout=30, kwargs={"page": page})
        for name, value in params.items():
            found.query_params[name] = value
        return found.run()

    def looks(self) -> list[str]:
        """The actions of the audit log, the oldest first."""
        return [action for _, action, _ in self.running.looks()]


@contextmanager
def office(folder: Path, **settings: Any) -> Iterator[Office]:
    """Pages on an empty service in a folder."""
    with service(folder, **settings) as running:
        try:
            yield Office(running)
        finally:
            hold(None)


def words(page: AppTest) -> str:
    """All that a page says."""
    parts = (
        *(page.title, page.subheader, page.markdown, page.caption, page.info),
        *(page.warning, page.error, page.success),
    )
    told = [str(one.value) for part in parts for one in part]
    told += [f"{one.label} {one.value}" for one in page.metric]
    return "\n".join(told).replace("\\", "")
