"""``grouper codebooks``: what is at hand, what it says, whether it is whole, what changed."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from codebooks.diff import diff
from codebooks.messages import text
from codebooks.registry import INPATIENT, registry
from codebooks.search import Match, search
from codebooks.tabular import diff_books
from grouper.cli import codebooks_check, codebooks_list, codebooks_show
from grouper.cli.apg_export import export_apg_command
from grouper.cli.apg_weights import estimate_weights_command
from grouper.cli.codebooks_diff import canonical_rule, print_diff
from grouper.cli.codebooks_import import import_command
from grouper.cli.codebooks_render import (
    JsonOption,
    LangOption,
    print_json,
    print_table,
    say,
    speak,
)
from grouper.cli.codebooks_tables import print_book_diff
from grouper.cli.estimate_factors import estimate_factors_command

app = typer.Typer(no_args_is_help=True, help=say("help.app"))

_HERE = ZoneInfo("Asia/Shanghai")


@app.command("list", help=say("help.list"))
def list_command(
    on: Annotated[
        datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help=say("help.on"))
    ] = None,
    region: Annotated[str | None, typer.Option("--region", help=say("help.region"))] = None,
    kind: Annotated[str, typer.Option("--kind", help=say("help.kind"))] = INPATIENT,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """List schemes, code sets and crosswalks, or answer which scheme binds."""
    speak(lang)
    if on is None and region is None:
        codebooks_list.print_list(as_json=as_json)
        return
    day = on.date() if on else datetime.now(_HERE).date()
    codebooks_list.print_binding(day, region, kind, as_json=as_json)


@app.command("show", help=say("help.show"))
def show_command(
    book_id: Annotated[str, typer.Argument(metavar="ID", help=say("help.id"))],
    code: Annotated[str | None, typer.Argument(metavar="CODE", help=say("help.code"))] = None,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Show a card, or one code, group or set."""
    speak(lang)
    codebooks_show.show(book_id, code, as_json=as_json)


@app.command("search", help=say("help.search"))
def search_command(
    query: Annotated[list[str], typer.Argument(metavar="QUERY", help=say("help.query"))],
    within: Annotated[list[str] | None, typer.Option("--in", help=say("help.in"))] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help=say("help.limit"))] = 20,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Search codes and groups."""
    speak(lang)
    words = " ".join(query)
    hits = search(words, within or None, limit)
    if as_json:
        print_json(
            [
                {
                    "set": hit.set_id,
                    "kind": hit.kind,
                    "code": hit.code,
                    "name": hit.name,
                    "match": Match(hit.match).name.lower(),
                }
                for hit in hits
            ]
        )
    elif hits:
        headers = [say(f"column.{name}") for name in ("code", "name", "kind", "set")]
        rows = [[h.code, h.name, say(f"kind.{h.kind}"), h.set_id] for h in hits]
        print_table(headers, rows)
    else:
        typer.echo(say("search.nothing", query=words))


@app.command("check", help=say("help.check"))
def check_command(
    book_ids: Annotated[
        list[str] | None, typer.Argument(metavar="ID", help=say("help.ids"))
    ] = None,
    every: Annotated[bool, typer.Option("--all", help=say("help.all"))] = False,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Hold everything against its manifest and check the schemes' rules; exit status 1 on errors."""
    speak(lang)
    checked = codebooks_check.check(book_ids or [])
    codebooks_check.print_checked(checked, every=every, as_json=as_json)
    if any(item.failed for item in checked):
        raise typer.Exit(1)


@app.command("diff", help=say("help.diff"))
def diff_command(
    old: Annotated[str, typer.Argument(metavar="A", help=say("help.old"))],
    new: Annotated[str, typer.Argument(metavar="B", help=say("help.new"))],
    codes: Annotated[bool, typer.Option("--codes", help=say("help.codes"))] = False,
    as_json: JsonOption = False,
    lang: LangOption = None,
) -> None:
    """Say what changed from one scheme to another."""
    speak(lang)
    books = registry().book(old), registry().book(new)
    if any(book.card.family != "drg" for book in books):
        changes = diff_books(*books)
        if as_json:
            print_json(changes)
        else:
            print_book_diff(changes, every=codes)
        return
    rule_changes = diff(*books, canonical_rule)
    if as_json:
        print_json(rule_changes)
    else:
        print_diff(rule_changes, codes=codes)


app.command("import", help=text("cli_import.help"))(import_command)
app.command("estimate-factors", help=text("cli_factors.command"))(estimate_factors_command)
app.command("estimate-weights", help=text("cli_apg.estimate"))(estimate_weights_command)
app.command("export-apg", help=text("cli_apg.export"))(export_apg_command)
