"""The pages of each role, decided here on the server from a table (``data/pages.csv``).

A page that the role may not see is no part of the menu; its address still answers, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import streamlit as st

from codebooks.strict_csv import read_rows
from dashboards.frame.language import say
from grouper.service.access.principal import Right
from grouper.store import audit
from grouper.store.states import Role

if TYPE_CHECKING:
    from dashboards.frame.view import View

_HOME = "home"
_COLUMNS = ("page", "homes", "rights", "module", "icon")


@dataclass(frozen=True, slots=True)
class PageRow:
    """A page.

    Attributes:
        page: its id, also its address and the key of its title (``page_title.…``).
        homes: the roles in whose menu it stands, in the order of the table.
        rights: what one must hold to see it, all of them.
        module: where its function ``page(view)`` is.
        icon: of Material Symbols.
    """

    page: str
    homes: tuple[Role, ...]
    rights: tuple[Right, ...]
    module: str
    icon: str

    def allowed(self, view: View) -> bool:
        """Whether one may see it."""
        return all(view.principal.may(right) for right in self.rights)


@cache
def pages() -> tuple[PageRow, ...]:
    """All pages in the order of the table.

    Raises:
        CodebookError: the table is not as it should be.
    """
    with as_file(files("dashboards") / "data" / "pages.csv") as path:
        return tuple(
            PageRow(
                row.cells["page"],
                tuple(Role(one) for one in row.cells["homes"].split()),
                tuple(Right(one) for one in row.cells["rights"].split()),
                row.cells["module"],
                row.cells["icon"],
            )
            for row in read_rows(path, _COLUMNS)
        )


def navigate(view: View) -> Any:  # noqa: ANN401 -- Streamlit's own page
    """The page that is asked for; the menu holds those of the role's home."""
    own = [one for one in pages() if view.principal.role in one.homes and one.allowed(view)]
    home, *others = own or pages()
    made = [_page(home, view, first=True), *(_page(one, view) for one in others if one in own)]
    # Reached by a link or by its address alone; the first page has its own address, too, for
    # Streamlit answers a default page at the root only.
    made += [_page(one, view, hidden=True) for one in pages() if one not in own or one is home]
    return st.navigation(
        {say(f"role.{view.principal.role}"): made}, position="sidebar", expanded=True
    )


def _page(row: PageRow, view: View, *, first: bool = False, hidden: bool = False) -> Any:  # noqa: ANN401 -- as above
    run = partial(_show, row, view) if row.allowed(view) else partial(_refuse, row, view)
    return st.Page(
        run,
        title=say(f"page_title.{row.page}"),
        icon=f":material/{row.icon}:",
        url_path=_HOME if first else row.page,
        default=first,
        visibility="hidden" if hidden else "visible",
    )


def _show(row: PageRow, view: View) -> None:
    st.title(say(f"page_title.{row.page}"), anchor=False)
    import_module(row.module).page(view)


def _refuse(row: PageRow, view: View) -> None:
    with view.parts.database.writing_store() as connection:
        audit.append(connection, view.principal.name, "page_refused", f"page:{row.page}", {})
    st.error(say("page.refused"), icon=":material/block:")


def address(page: str, **params: str) -> str:
    """The address of a page with what it is to show; never a name or a number of a patient."""
    return f"/{page}?{urlencode(params)}" if params else f"/{page}"
