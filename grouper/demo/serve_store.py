"""The demonstration hospital's year in the service's store: stays, people, forecasts, the mart."""

from __future__ import annotations

import json
import secrets
import shutil
from typing import TYPE_CHECKING

from grouper.demo.hospital.emit import emit
from grouper.intake.forms import form
from grouper.service.access import passwords
from grouper.service.forecast_model import approved_model
from grouper.service.forecasting import How, forecast_running
from grouper.service.setup import configure_forms
from grouper.service.worker import Worker
from grouper.store import accounts, audit, sessions
from grouper.store.inbox import Inbox
from grouper.store.states import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from grouper.demo.serve_plan import Place, Plan
    from grouper.service.settings import Settings
    from grouper.store.database import Database

FORM, SENDER = "hl7v2", "demo"
_BLOCK = 500
PEOPLE: tuple[tuple[str, Role, tuple[str, ...]], ...] = (
    ("office", Role.OFFICE, ()),
    ("reviewer", Role.OFFICE, ()),
    ("physician", Role.PHYSICIAN, ("03.03",)),
    ("manager", Role.MANAGER, ()),
    ("admin", Role.ADMIN, ()),
)
"""Who may sign in; a second one of the office, because findings need a second person."""


def tell(place: Place, month: str) -> Path:
    """Write what the hospital's systems send of a month, and the mapping that reads it."""
    folder = place.told / month
    if not (folder / "messages.jsonl").is_file():
        emit(place.hospital, month, folder, forms=(FORM,))
    shutil.copyfile(folder / "hl7.toml", place.folder / "hl7.toml")
    return folder / "messages.jsonl"


def sent_until(path: Path, at: datetime) -> Iterator[bytes]:
    """The messages of a file that were sent until a moment.

    Args:
        path: ``messages.jsonl`` of a month.
        at: aware.
    """
    until = at.strftime("%Y%m%d%H%M%S%z")
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            one = json.loads(line)
            if one["text"].split("|", 7)[6] <= until:
                yield one["text"].encode(one["charset"])


def spoilt(raw: bytes) -> list[bytes]:
    """Messages as they come when something is wrong, made of one that was sent; all are kept back.

    One has no visit number, one is of a kind that is not received, one ends in its midst.
    """
    lines = raw.split(b"\r")
    header = lines[0].split(b"|")
    bare = [line if not line.startswith(b"PV1|") else b"PV1|1|I" for line in lines]

    def as_other(control: bytes, kind: bytes, rest: list[bytes]) -> bytes:
        named = [*header[:8], kind, control, *header[10:]]
        return b"\r".join([b"|".join(named), *rest])

    return [
        as_other(header[9] + b"N", header[8], bare[1:]),
        as_other(header[9] + b"O", b"ORU^R01", lines[1:]),
        as_other(header[9] + b"T", header[8], lines[1:2]),
    ]


def take_in(
    settings: Settings,
    database: Database,
    messages: Iterator[bytes],
    at: datetime,
    progress: Callable[[int], None],
) -> None:
    """Put messages into the inbox and apply them; what came before is known and counts once.

    Args:
        settings: of the service.
        database: with its tables.
        messages: in the order of time.
        at: what the clock says meanwhile; forecasts know the versions that were there then.
        progress: told how many were applied.
    """
    configure_forms(settings)
    reads, inbox = form(FORM), Inbox(database)
    block = []
    for raw in messages:
        block.append((reads.envelope(raw), SENDER))
        if len(block) == _BLOCK:
            inbox.put_many(block)
            block = []
    if block:
        inbox.put_many(block)
    worker, done = Worker(settings, database, clock=lambda: at), 0
    while count := worker.step():
        done += count
        progress(done)


def foretell(settings: Settings, database: Database, plan: Plan) -> int:
    """Foretell the stays that run; returns how many have a forecast."""
    model = approved_model(settings)
    if model is None:
        return 0
    how = How(region=settings.region, page=settings.forecast.page)
    return forecast_running(database, model, how, plan.moment, made=plan.moment).forecast


def make_people(database: Database) -> None:
    """Make the accounts that are not there yet; they have no password, and so nobody signs in."""
    for name, role, departments in PEOPLE:
        with database.writing_store() as connection:
            if accounts.by_name(connection, name) is None:
                accounts.create(connection, name, role, departments=departments)
                audit.append(connection, SENDER, "account_made", name, {"role": role.value})


def give_passwords(database: Database, *, anew: bool = False) -> dict[str, str]:
    """Give passwords to the accounts that have none; returns them by name: nobody else keeps them.

    Args:
        database: with its tables.
        anew: whether those that have one get a new one, too.
    """
    given = {}
    for name, _, _ in PEOPLE:
        with database.writing_store() as connection:
            found = accounts.by_name(connection, name)
            if found is None or (found.password is not None and not anew):
                continue
            given[name] = secrets.token_urlsafe(12)
            kept = passwords.hashed(given[name])
            accounts.change(connection, found.id, password=kept, failures=0, locked_until=None)
            sessions.end_all(connection, found.id)
            audit.append(connection, SENDER, "password_changed", name, {"by_owner": False})
    return given
