"""``grouper inbox``: what waits, what stands in quarantine, and what is done about it."""

from __future__ import annotations

import getpass
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from codebooks.messages import catalogue, language, text
from grouper.case.dates import LOCAL
from grouper.cli.codebooks_render import print_json, print_table
from grouper.cli.inbox_put import put_command
from grouper.service.settings import load_settings
from grouper.store import alert_rows, audit, outcomes, retention
from grouper.store.database import Database, connect
from grouper.store.inbox import Inbox
from grouper.store.migrate import upgrade
from grouper.store.quarantine import Quarantine, Wanted, printable
from grouper.store.states import UNSETTLED, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from grouper.store.outcomes import Outcome


def _help(key: str) -> str:
    return text(f"inbox.{key}", language())


def _say(key: str, **params: object) -> str:
    return text(f"inbox.{key}", None, **params)


app = typer.Typer(no_args_is_help=True, help=_help("group"))
app.command("put", help=text("inbox_put.command", language()))(put_command)

Numbers = Annotated[list[int] | None, typer.Argument(help=_help("numbers"))]
Reason = Annotated[str | None, typer.Option("--reason", help=_help("reason"))]
FormName = Annotated[str | None, typer.Option("--form", help=_help("form"))]
Sender = Annotated[str | None, typer.Option("--sender", help=_help("sender"))]
Visit = Annotated[str | None, typer.Option("--visit", help=_help("visit"))]
Patient = Annotated[str | None, typer.Option("--patient", help=_help("patient"))]
Since = Annotated[datetime | None, typer.Option("--since", help=_help("since"))]
Until = Annotated[datetime | None, typer.Option("--until", help=_help("until"))]
AsJson = Annotated[bool, typer.Option("--json", help=_help("json"))]
All = Annotated[bool, typer.Option("--all", help=_help("all"))]


@contextmanager
def _opened() -> Iterator[Database]:
    database = connect(load_settings().url)
    try:
        upgrade(database)
        yield database
    finally:
        database.close()


def _actor() -> str:
    """Who sits at the command line, as the audit log names it."""
    try:
        return f"command line: {getpass.getuser()}"[:64]
    except (KeyError, OSError):
        return "command line"


def _aware(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=LOCAL).astimezone(UTC)


def _chosen(numbers: list[int] | None, wanted: Wanted, *, everything: bool) -> Wanted | list[int]:
    """Numbers, or a filter that says something."""
    narrowed = wanted != Wanted()
    if bool(numbers) == (narrowed or everything):
        raise typer.BadParameter(_say("choose"))
    return numbers or wanted


@app.command("list", help=_help("list"))
def list_command(
    state: Annotated[list[State] | None, typer.Option("--state", help=_help("state"))] = None,
    reason: Reason = None,
    form: FormName = None,
    sender: Sender = None,
    visit: Visit = None,
    patient: Patient = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help=_help("limit"))] = 100,
    after: Annotated[int, typer.Option("--after", min=0, help=_help("after"))] = 0,
    as_json: AsJson = False,
) -> None:
    """List messages by what became of them."""
    wanted = Wanted(
        states=tuple(state) if state else UNSETTLED,
        reason=reason,
        form=form,
        sender=sender,
        visit=visit,
        patient=patient,
        since=_aware(since),
        until=_aware(until),
    )
    with _opened() as database:
        found = Quarantine(database).search(wanted, limit=limit + 1, after=after)
    more = len(found) > limit
    found = found[:limit]
    if as_json:
        print_json([_plain(one) for one in found])
        return
    if not found:
        typer.echo(_say("none"))
        return
    columns = ("message_id", "received", "form", "kind", "sender", "state", "reason", "advice")
    print_table([_say(f"column.{name}") for name in columns], [_row(one) for one in found])
    if more:
        typer.echo(_say("more", after=found[-1].message_id))


def _row(one: Outcome) -> list[str]:
    words = [_word("reason", one.reason), _word("advice", one.reason)]
    state = _say(f"is.{one.state.value}")
    received = _local(one.received)
    kind, sender = printable(one.kind), printable(one.sender)
    return [str(one.message_id), received, one.form, kind, sender, state, *words]


def _plain(one: Outcome) -> dict[str, Any]:
    """An outcome for a system; patients and stays are told by ``show`` alone."""
    names = ("message_id", "form", "kind", "sender", "control_id", "reason", "place", "attempts")
    plain: dict[str, Any] = {name: getattr(one, name) for name in names}
    return plain | {"state": one.state.value, "received": one.received, "at": one.at}


def _word(kind: str, code: str) -> str:
    key = f"{kind}.{code}"
    return text(key) if key in catalogue(language()) else code


def _local(at: datetime) -> str:
    return at.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M:%S")


@app.command("show", help=_help("show"))
def show_command(number: Annotated[int, typer.Argument(help=_help("numbers"))]) -> None:
    """Show one message."""
    with _opened() as database:
        shown = Quarantine(database).show(number, _actor())
    stored, outcome = shown.stored, shown.outcome
    head = (str(number), _local(stored.received), stored.channel, stored.form, stored.kind)
    typer.echo("\t".join(map(printable, head)))
    if outcome is None:
        typer.echo(_say("never"))
    else:
        reason = _word("reason", outcome.reason) if outcome.reason else ""
        typer.echo("\t".join((_say(f"is.{outcome.state.value}"), reason)).rstrip())
        if outcome.place:
            typer.echo(_say("place", place=outcome.place))
        if outcome.stays:
            typer.echo(_say("stays", count=len(outcome.stays)))
        if outcome.settled_by is not None:
            typer.echo(_say("settled", by=outcome.settled_by, note=outcome.settled_note))
    for at, channel in shown.repeats:
        typer.echo(_say("came_again", at=_local(at), channel=channel))
    if shown.replays:
        typer.echo(_say("replays", numbers=", ".join(map(str, shown.replays))))
    typer.echo()
    typer.echo(_say("gone") if shown.text is None else shown.text)


@app.command("replay", help=_help("replay"))
def replay_command(
    numbers: Numbers = None,
    reason: Reason = None,
    form: FormName = None,
    sender: Sender = None,
    visit: Visit = None,
    since: Since = None,
    until: Until = None,
    everything: All = False,
) -> None:
    """Replay messages that wait."""
    wanted = Wanted(
        reason=reason,
        form=form,
        sender=sender,
        visit=visit,
        since=_aware(since),
        until=_aware(until),
    )
    chosen = _chosen(numbers, wanted, everything=everything)
    with _opened() as database:
        done = Quarantine(database).replay(chosen, _actor())
    typer.echo(_say("replayed", count=len(done)))


@app.command("dismiss", help=_help("dismiss"))
def dismiss_command(
    note: Annotated[str, typer.Option("--note", help=_help("note"))],
    numbers: Numbers = None,
    reason: Reason = None,
    form: FormName = None,
    sender: Sender = None,
    visit: Visit = None,
    since: Since = None,
    until: Until = None,
    everything: All = False,
) -> None:
    """Put messages that wait aside."""
    wanted = Wanted(
        reason=reason,
        form=form,
        sender=sender,
        visit=visit,
        since=_aware(since),
        until=_aware(until),
    )
    chosen = _chosen(numbers, wanted, everything=everything)
    with _opened() as database:
        done = Quarantine(database).dismiss(chosen, _actor(), note)
    typer.echo(_say("dismissed", count=done))


@app.command("prune", help=_help("prune"))
def prune_command(
    days: Annotated[int | None, typer.Option("--days", min=1, help=_help("days"))] = None,
    shrink: Annotated[bool, typer.Option("--shrink", help=_help("shrink"))] = False,
) -> None:
    """Let go of raw bytes."""
    kept = load_settings().intake.retain_days if days is None else days
    before = datetime.now(UTC) - timedelta(days=kept)
    with _opened() as database:
        with database.writing_store() as connection:
            audit.append(connection, _actor(), "messages_pruned", "inbox", {"days": kept})
        done = retention.prune(database, before)
        if shrink:
            retention.shrink(database)
    typer.echo(_say("pruned", count=done.messages, size=done.size))


@app.command("status", help=_help("status"))
def status_command(as_json: AsJson = False) -> None:
    """How the queues stand."""
    with _opened() as database:
        with database.reading() as connection:
            position = outcomes.position_of(connection)
            states = outcomes.counts(connection)
            reasons = outcomes.reasons(connection)
            alerts = alert_rows.standing(connection)
        waiting, oldest = Inbox(database).waiting(position)
    if as_json:
        print_json(
            {
                "waiting": waiting,
                "oldest": oldest,
                "position": position,
                "states": {state.value: count for state, count in states.items()},
                "quarantine": reasons,
                "alerts": alerts,
            }
        )
        return
    typer.echo(_say("waiting", count=waiting) + _since(oldest))
    for state, count in states.items():
        typer.echo(f"{_say(f'is.{state.value}')}\t{count}")
    for reason, count in reasons.items():
        typer.echo(f"  {_word('reason', reason)}\t{count}")
    for kind, started in alerts.items():
        typer.echo(_say("alert", kind=kind, at=_local(started)))


def _since(oldest: datetime | None) -> str:
    return "" if oldest is None else f"（{_say('oldest', at=_local(oldest))}）"
