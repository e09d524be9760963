"""``grouper audit MONTH`` and ``grouper audit running``: stays of the service's store screened, once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import typer

from codebooks.audit.books import audit_book
from codebooks.messages import text
from grouper.audit.engine import Audited
from grouper.audit.errors import AuditError
from grouper.audit.finding import FINDING_SCHEMA
from grouper.audit.finishing import ordered
from grouper.audit.review.documents import typed
from grouper.audit.screening import Screened
from grouper.audit.telling import document_of, told
from grouper.case.readers.text_input import readable
from grouper.cli.audit_output import check_output, write_findings
from grouper.cli.codebooks_render import print_json
from grouper.cli.forecast_running import opened
from grouper.cli.group import EXIT_EMPTY
from grouper.cli.service_commands import service_module
from grouper.cli.settle import Format

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from codebooks.audit.books import AuditBook

NIGHT = "running"
"""The word that stands for what the service screens at night."""
ACTOR = "command"
"""Who screens, in the audit log."""


def screen_store(
    asked: str,
    *,
    book: str | None,
    shadow: bool,
    output: Path | None,
    format_: Format,
    lang: str | None,
) -> None:
    """Screen stays of the store, keep what is found, and tell it.

    Args:
        asked: a month such as ``2026-11``, or ``running``.
        book: id of the rule book; None: that of the settings.
        shadow: whether rows of lists that are not public rules are asked, too.
        output: where the findings are written as well.
        format_: of what is shown.
        lang: its language.

    Raises:
        GrouperError: ``EXTRA_MISSING``, ``STORE_OLD``, ``AUDIT_NO_CASES``: the month has no stays; as
            :func:`grouper.service.screening.screen_stored`.
    """
    if output is not None:
        check_output(output)
    screening = service_module("service.screening")
    scopes = (screening.NIGHT, screening.ENDED) if asked == NIGHT else (asked,)
    shown: list[tuple[Any, Screened, Sequence[Any]]] = []
    with opened() as (settings, database):
        how = settings.audit
        for scope in scopes:
            row = screening.screen_stored(
                database,
                scope,
                screening.How(
                    region=settings.region,
                    page=how.page,
                    book=book or how.book,
                    shadow=shadow or how.shadow,
                    progress=lambda count: typer.echo(
                        text("screening_cli.progress", lang, count=count), err=True
                    ),
                ),
                datetime.now(UTC),
                actor=ACTOR,
            )
            shown.append((row, *_found(database, row)))
    if asked != NIGHT and not any(row.cases or row.counts.get("failed") for row, _, _ in shown):
        raise AuditError("AUDIT_NO_CASES")
    rules = audit_book(shown[0][0].book)
    findings = pa.concat_tables([one.audited.findings for _, one, _ in shown])
    if output is not None:
        write_findings(findings, output)
    if format_ is Format.JSON:
        print_json({"screenings": [_document(*one, rules, lang) for one in shown]})
    else:
        for row, one, hidden in shown:
            for line in _told(row, one, hidden, rules, lang):
                typer.echo(readable(line))
    if output is not None:
        said = text("audit_words.written", lang, file=output.name, count=findings.num_rows)
        typer.echo(readable(said), err=format_ is Format.JSON)
    if not findings.num_rows:
        raise typer.Exit(EXIT_EMPTY)


def _found(database: Any, row: Any) -> tuple[Screened, list[Any]]:  # noqa: ANN401 -- of the service
    """What a run found and shows, and what is hidden (in shadow, or exempt)."""
    gaps = service_module("service.screening_gaps")
    with database.reading() as connection:
        found = service_module("store.screenings").found_by(connection, row.id)
    rows = [typed(one.document) for one in found if not (one.shadow or one.exempt)]
    table = ordered(pa.Table.from_pylist(rows, FINDING_SCHEMA))
    absent, unasked = gaps.not_run(row.not_run)
    counts = {"cases": row.cases, "lines": row.lines, **row.counts}
    hidden = [one for one in found if one.shadow or one.exempt]
    return Screened(Audited(table, absent, counts), unasked), hidden


def _left(row: Any) -> dict[str, int]:  # noqa: ANN401 -- of the store
    failed = row.counts.get("failed", 0)
    return {"failed": failed} if failed else {}


def _document(
    row: Any,  # noqa: ANN401 -- of the store
    screened: Screened,
    hidden: Sequence[Any],
    rules: AuditBook,
    lang: str | None,
) -> dict[str, Any]:
    return {
        "screening": row.id,
        "scope": row.scope,
        "moment": row.moment,
        "state": row.state,
        "fresh": row.fresh,
        "gone": row.gone,
        "shadow": sum(one.shadow for one in hidden),
        "exempt": sum(one.exempt for one in hidden),
        **document_of(screened, _left(row), rules, lang),
    }


def _told(
    row: Any,  # noqa: ANN401 -- of the store
    screened: Screened,
    hidden: Sequence[Any],
    rules: AuditBook,
    lang: str | None,
) -> list[str]:
    scope = row.scope if row.scope[0].isdigit() else text(f"screening_cli.{row.scope}", lang)
    found = [
        text(
            "screening_cli.head",
            lang,
            number=row.id,
            scope=scope,
            moment=text(f"audit_moment.{row.moment}", lang),
            fresh=row.fresh,
            gone=row.gone,
        ),
        *told(screened, _left(row), rules, lang),
    ]
    for name in ("shadow", "exempt"):
        count = sum(getattr(one, name) for one in hidden)
        if count:
            found.append(text(f"screening_cli.{name}", lang, count=count))
    return found
