"""Files of what a page shows: Excel, PDF, PNG and SVG; each says what it rests on and when it was made."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from codebooks.errors import GrouperError
from dashboards.frame.export_picture import png, svg
from dashboards.frame.export_sheet import workbook
from dashboards.frame.language import say
from grouper.case.dates import LOCAL
from grouper.service.audit_queue import Entry
from grouper.service.stored import write_looks
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from dashboards.frame.grounds import Grounds
    from dashboards.frame.picture import Picture
    from dashboards.frame.view import View

_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table of a file.

    Attributes:
        title: in words, at most 31 characters.
        table: its figures, as they are reckoned.
        columns: which of its columns, with forms in ``data/columns.csv``.
    """

    title: str
    table: pa.Table
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """What can be taken from a page.

    Attributes:
        page: its id; part of the names of files.
        title: in words.
        grounds: of all figures.
        made: when, in words.
        sheets: tables.
        pictures: charts.
    """

    page: str
    title: str
    grounds: Grounds
    made: str
    sheets: tuple[Sheet, ...]
    pictures: tuple[Picture, ...]


def offer(
    view: View, page: str, on: Grounds, sheets: Sequence[Sheet], pictures: Sequence[Picture]
) -> None:
    """Offer what a page shows as files; they are made, and logged, only when asked for.

    Args:
        view: who looks.
        page: its id.
        on: what the figures rest on.
        sheets: tables.
        pictures: charts.
    """
    made = now().astimezone(LOCAL)
    told = made.strftime("%Y-%m-%d %H:%M")
    title = say(f"page_title.{page}")
    report = Report(page, title, on, told, tuple(sheets), tuple(pictures))
    name = f"{page}-{made:%Y%m%d-%H%M}"
    with st.popover(say("export.title"), icon=":material/download:"):
        st.caption(say("export.about"))
        _button(view, report, f"{name}.xlsx", "excel", _SHEET, partial(workbook, report, view.lang))
        _button(view, report, f"{name}.pdf", "pdf", "application/pdf", partial(_pdf, report, view))
        for number, picture in enumerate(pictures):
            called = say(f"chart.{picture.key}.title")
            for form, mime, make in (("png", "image/png", png), ("svg", "image/svg+xml", svg)):
                _button(
                    view,
                    report,
                    f"{name}-{number + 1}.{form}",
                    form,
                    mime,
                    partial(make, picture, told, view.lang),
                    called,
                )


def _button(
    view: View,
    report: Report,
    name: str,
    form: str,
    mime: str,
    make: Callable[[], bytes],
    called: str = "",
) -> None:
    st.download_button(
        say(f"export.{form}", chart=called),
        partial(_logged, view, report, name, make),
        name,
        mime,
        key=f"{report.page}.export.{form}.{called}",
        on_click="ignore",
        width="stretch",
    )


def _logged(view: View, report: Report, name: str, make: Callable[[], bytes]) -> bytes:
    """Make a file and write into the audit log who took it, before it is given away."""
    data = make()
    about = {"file": name, "period": report.grounds.period}
    entry = Entry(view.principal.name, "figures_exported", f"page:{report.page}", about)
    write_looks(view.parts.database, [entry])
    return data


def _pdf(report: Report, view: View) -> bytes:
    try:
        # Needs a package that only who takes a PDF has to have.
        from dashboards.frame.export_pdf import pdf  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise GrouperError("EXPORT_NO_PDF") from error

    return pdf(report, view.lang)
