"""What the tests of uploads share: a service's folder and store, someone who asks, the clerk's work."""

from __future__ import annotations

import io
import shutil
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import streamlit as st
import workbook_builder
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from codebooks.policies.policies import policies
from codebooks.registry import registry, reload
from dashboards.frame.parts import Parts, hold
from grouper.service.access.principal import Principal
from grouper.service.book_imports import ask
from grouper.service.book_reading import BookWish
from grouper.service.errand_process import run_one
from grouper.service.errands import Errand, Errands
from grouper.service.settings import Settings
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.schema import audit
from grouper.store.states import Role

OFFICE = Principal(account_id=1, name="office1", role=Role.OFFICE)
SECOND = Principal(account_id=2, name="office2", role=Role.OFFICE)
MANAGER = Principal(account_id=3, name="manager1", role=Role.MANAGER)
WISH = BookWish(id="own-3.0", region="demo", valid_from=date(2027, 3, 1))


def _script(page: str) -> None:
    from importlib import import_module  # noqa: PLC0415 -- AppTest runs the source of this function alone

    from dashboards.frame.language import lang  # noqa: PLC0415 -- as above
    from dashboards.frame.parts import parts  # noqa: PLC0415 -- as above
    from dashboards.frame.view import View  # noqa: PLC0415 -- as above

    asker = parts().asker()
    if asker is not None:
        import_module(f"dashboards.app_pages.{page}").page(View(asker, parts(), lang()))


@dataclass(slots=True)
class Desk:
    """A service without processes, and its pages.

    Attributes:
        settings: of the service.
        database: its store.
        who: looks at the pages.
    """

    settings: Settings
    database: Database
    who: Principal = field(default=OFFICE)

    def page(self, page: str, **params: str) -> AppTest:
        """Run a page at its address, by a session of its own."""
        st.cache_data.clear()
        hold(Parts(self.settings, self.database, lambda: self.who))
        found = AppTest.from_function(_script, default_timeout=30, kwargs={"page": page})
        for name, value in params.items():
            found.query_params[name] = value
        return found.run()

    def clerk(self) -> None:
        """Do what the clerk does."""
        for one in self.errands.all():
            if not one.state.ended:
                run_one(self.errands, one.id, self.settings, self.database)

    def ask(
        self,
        content: bytes,
        wish: BookWish = WISH,
        name: str = "方案.xlsx",
        by: Principal = OFFICE,
    ) -> Errand:
        """Have a file checked, and do the clerk's work."""
        made = ask(self.settings, self.database, by, wish, name, content, "zh")
        done = run_one(self.errands, made.id, self.settings, self.database)
        assert done is not None
        return done

    @property
    def errands(self) -> Errands:
        return Errands.at(self.settings)

    def actions(self) -> list[tuple[str, str, str]]:
        """Who did what to what, as the audit log has it."""
        asked = select(audit.c.actor, audit.c.action, audit.c.object).order_by(audit.c.id)
        with self.database.reading() as connection:
            return [(one[0], one[1], one[2]) for one in connection.execute(asked)]


@contextmanager
def desk(folder: Path) -> Iterator[Desk]:
    """A service in a folder; the registry is read anew before and after."""
    name = "grouper.sqlite"
    for file in _empty_store().iterdir():
        shutil.copyfile(file, folder / file.name)
    url = f"sqlite:///{folder / name}"
    database = connect(url)
    _anew()
    try:
        yield Desk(Settings(database=url, folder=folder / "service", region="demo"), database)
    finally:
        hold(None)
        database.close()
        _anew()


def _anew() -> None:
    """Forget what a test installed; what is shipped is read once for all."""
    known = registry()
    if known.installed or known.broken:
        reload()
    found = policies()
    own = any(one.own for region in found.with_files for one in found.given(region))
    if own or found.faults:
        policies.cache_clear()


@cache
def _empty_store() -> Path:
    """A folder with an empty store, made once: its tables take a while."""
    folder = Path(tempfile.mkdtemp(prefix="grouper-store-"))
    database = connect(f"sqlite:///{folder / 'grouper.sqlite'}")
    upgrade(database)
    database.close()
    return folder


def good() -> bytes:
    """A sound small workbook."""
    return workbook_builder.pack(workbook_builder.small())


def spoilt() -> bytes:
    """A workbook with a sort number that is none."""
    sheets = workbook_builder.small()
    sheets["DRG"][2][5] = "第一"
    return workbook_builder.pack(sheets)


def zipped(files: Mapping[str, bytes], folder: str = "") -> bytes:
    """Files packed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{folder}{name}", content)
    return packed.getvalue()
