"""``make serve``: the pages over the demonstration hospital.

What is needed is made once, into ``out/serve``; every step that is done leaves a mark, so that a
set-up that was interrupted goes on where it was. Then the service runs until it is stopped.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import httpx
import typer

from codebooks.messages import text
from grouper.case.dates import LOCAL
from grouper.demo import serve_findings, serve_months, serve_names, serve_store
from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.plan import make_plan
from grouper.demo.hospital.tables import toml
from grouper.demo.serve_plan import Place, Plan
from grouper.demo.service import DemoError
from grouper.mart.building import build
from grouper.service.mart import StoredStays, mart_folder
from grouper.service.porch_processes import check_at_hand
from grouper.service.settings import load_settings
from grouper.store.database import connect
from grouper.store.migrate import upgrade
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from grouper.service.settings import Settings
    from grouper.store.database import Database

OUT, PORT = Path("out") / "serve", 8791
_MARK = "done.json"
_LONGEST = 120.0
_REVIEWED = 60
"""Findings that the review has begun with."""
_AUDITED = 2
"""Months whose ended stays are screened: the present one and the one before."""


class SetUp:
    """Makes what is shown, step by step.

    Args:
        place: where it lies.
        plan: what is made; of another plan everything is made anew.
        tell: told what is done.
    """

    def __init__(self, place: Place, plan: Plan, tell: Callable[[str], None] = typer.echo) -> None:
        self._place, self._plan, self._tell = place, plan, tell
        mark = place.folder / _MARK
        done = json.loads(mark.read_bytes()) if mark.is_file() else {}
        if done.get("plan") != plan.written():
            shutil.rmtree(place.folder, ignore_errors=True)
            done = {"plan": plan.written(), "steps": []}
        self._done = done
        place.service.mkdir(parents=True, exist_ok=True)
        self._mark()

    def run(self, settings: Settings, database: Database) -> None:
        """Take all steps that are not done yet.

        Raises:
            DemoError: a command failed.
            GrouperError: as the parts say.
        """
        plan = self._plan
        self._step("hospital", self._hospital)
        self._step("names", lambda: serve_names.write_names(self._place.data))
        self._step("model", self._model)
        for month in plan.stored_months:
            self._step(f"messages {month}", partial(self._month, month, settings, database))
        self._step("spoilt", lambda: self._spoilt(settings, database))
        self._step("forecasts", lambda: serve_store.foretell(settings, database, plan))
        audited = plan.stored_months[-_AUDITED:]
        self._step(
            "screening",
            lambda: serve_findings.screen(settings, database, audited, plan.moment, self._progress),
        )
        self._step("review", lambda: serve_findings.review(database, plan.moment, _REVIEWED))
        self._step(
            "list",
            lambda: serve_findings.take_list(
                settings, database, self._place.folder / "insurer.csv", plan.moment
            ),
        )
        self._step("mart", lambda: self._mart(settings, database))
        self._step("bureau", lambda: serve_months.publish(settings, plan.moment))
        self._step("months", lambda: serve_months.settle(settings, database, plan.moment))
        self._step("schemes", lambda: serve_months.compare(settings, database, plan.moment))

    def keep_time(self, database: Database, today: date) -> None:
        """Let the deadlines of the findings stand as they stood soon after the shown moment."""
        told = self._done.get("day")
        first = (self._plan.moment + serve_findings.PASSED).date()
        stood = first if told is None else date.fromisoformat(told)
        self._done["day"] = serve_findings.keep_time(database, stood, today).isoformat()
        self._mark()

    def _step(self, name: str, work: Callable[[], int]) -> None:
        if name in self._done["steps"]:
            return
        key, _, about = name.partition(" ")
        self._tell(text(f"demo_serve.step_{key}", None, about=about))
        began = time.monotonic()
        count = work()
        self._done["steps"].append(name)
        self._mark()
        spent = f"{time.monotonic() - began:.0f}"
        self._tell(text("demo_serve.done", None, count=f"{count:,}", seconds=spent))

    def _mark(self) -> None:
        mark = self._place.folder / _MARK
        beside = mark.with_suffix(".new")
        beside.write_text(json.dumps(self._done), "utf-8")
        beside.replace(mark)

    def _progress(self, count: int) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(f"\r  {count:,} ")
            sys.stderr.flush()

    def _hospital(self) -> int:
        plan, own = self._plan, toml("hospital.toml")["hospital"]
        made = make_hospital(
            self._place.hospital,
            make_plan(
                plan.first,
                plan.months,
                plan.seed,
                plan.scale,
                region=own["region"],
                scheme=own["scheme"],
            ),
        )
        return int(made.manifest["totals"]["inpatient"])

    def _model(self) -> int:
        own = toml("hospital.toml")["hospital"]
        words = (str(self._place.hospital), "--region", own["region"])
        until = ("--until", self._plan.learnt_until, "--approve", "--by", "demo")
        done = subprocess.run(  # noqa: S603 -- our own command
            [sys.executable, "-m", "grouper", "forecast", "train", *words, *until],
            stdout=subprocess.DEVNULL,
            check=False,
        )
        if done.returncode:
            raise DemoError("train")
        return 1

    def _month(self, month: str, settings: Settings, database: Database) -> int:
        path = serve_store.tell(self._place, month)
        sent = list(serve_store.sent_until(path, self._plan.moment))
        self._take_in(iter(sent), settings, database)
        return len(sent)

    def _spoilt(self, settings: Settings, database: Database) -> int:
        path = serve_store.tell(self._place, self._plan.stored_months[-1])
        first = next(serve_store.sent_until(path, self._plan.moment))
        made = serve_store.spoilt(first)
        self._take_in(iter(made), settings, database)
        return len(made)

    def _take_in(self, sent: Iterator[bytes], settings: Settings, database: Database) -> None:
        serve_store.take_in(settings, database, sent, self._plan.moment, self._progress)

    def _mart(self, settings: Settings, database: Database) -> int:
        source = StoredStays(database, settings.region)
        return build(mart_folder(settings), source, progress=self._progress).cases


def _plan(place: Place) -> Plan:
    """The plan of what is there; of a new set-up the clock stands at this morning."""
    mark = place.folder / _MARK
    if mark.is_file():
        known = Plan.read(json.loads(mark.read_bytes()).get("plan", ""))
        if known is not None:
            return known
    return Plan.of_day(now())


def main(
    port: Annotated[int, typer.Option("--port", min=2, max=65535)] = PORT,
    passwords: Annotated[bool, typer.Option("--passwords")] = False,
    only_set_up: Annotated[bool, typer.Option("--only-set-up")] = False,
    anew: Annotated[bool, typer.Option("--anew")] = False,
) -> None:
    """Set up what is missing, then serve until a signal comes."""
    check_at_hand("pages")
    place = Place(OUT)
    surroundings = place.surroundings(port)
    os.environ.update(surroundings)
    typer.echo(text("demo_serve.title", None, folder=str(place.folder)))
    if anew:
        shutil.rmtree(place.folder, ignore_errors=True)
    made = SetUp(place, _plan(place))
    settings = load_settings()
    database = connect(settings.url)
    try:
        upgrade(database)
        serve_store.make_people(database)
        made.run(settings, database)
        made.keep_time(database, now().astimezone(LOCAL).date())
        _tell_people(serve_store.give_passwords(database, anew=passwords))
    finally:
        database.close()
    if not only_set_up:
        serve(surroundings, port)


def _tell_people(words: Mapping[str, str]) -> None:
    """The passwords of new accounts: shown this once, kept nowhere but as hashes."""
    if not words:
        typer.echo(text("demo_serve.passwords_known"))
        return
    typer.echo(text("demo_serve.passwords"))
    for name, role, departments in serve_store.PEOPLE:
        if name in words:
            about = {"name": name, "role": role.value, "departments": " ".join(departments)}
            typer.echo(text("demo_serve.person", None, password=words[name], **about))


def serve(surroundings: Mapping[str, str], port: int) -> None:
    """Run the service, say where the pages are once they answer, and wait until it ends.

    Raises:
        DemoError: it ended by itself, or the pages did not answer.
    """
    environment = {**os.environ, **surroundings}
    command = (sys.executable, "-m", "grouper", "serve")
    only = [word for name in ("worker", "web", "clerk", "pages") for word in ("--only", name)]
    # Ended from outside it ends its processes too, as when a person stops it.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    log = Path(environment["GROUPER_SERVICE_FOLDER"]) / "service.log"
    with log.open("wb") as told:
        process = subprocess.Popen(  # noqa: S603 -- our own command
            (*command, *only), env=environment, stdout=told, stderr=subprocess.STDOUT
        )
    try:
        _until_answers(process, f"http://127.0.0.1:{port}/_stcore/health")
        typer.echo("\n" + text("demo_serve.ready", None, url=f"http://127.0.0.1:{port}"))
        typer.echo(text("demo_serve.log", None, file=str(log)))
        if process.wait():
            raise DemoError(log.read_text("utf-8")[-4000:])
    except KeyboardInterrupt:
        pass
    finally:
        process.terminate()
        process.wait()


def _until_answers(process: subprocess.Popen[bytes], url: str) -> None:
    until = time.monotonic() + _LONGEST
    while time.monotonic() < until and process.poll() is None:
        try:
            if httpx.get(url, timeout=5).status_code == httpx.codes.OK:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise DemoError("pages")


if __name__ == "__main__":
    typer.run(main)
