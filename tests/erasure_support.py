"""A hospital's store with one person to erase and one to leave, by HL7 messages from intake to findings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fastapi.testclient import TestClient
from hl7_messages import dg1, message, pv1, segment
from postgres_support import fresh_database, server
from pydantic import SecretStr
from screening_support import NIGHT, small_book
from service_support import Asking
from sqlalchemy import insert, select, text
from starlette.middleware import Middleware

from grouper.case.dates import LOCAL
from grouper.service import screening
from grouper.service.app import create_app
from grouper.service.erasing import Eraser
from grouper.service.screening import How, screen_stored
from grouper.service.settings import Destination, Settings
from grouper.service.worker import Worker
from grouper.store import audit, finding_batches
from grouper.store.analysis import export
from grouper.store.database import Database, connect
from grouper.store.finding_batches import Batch, BatchRow
from grouper.store.inbox import Inbox
from grouper.store.migrate import upgrade
from grouper.store.outcomes import dismiss
from grouper.store.review_schema import (
    finding,
    finding_event,
    finding_file,
    order_check,
    whitelist,
)
from grouper.store.schema import INBOX, STORE, forecast, now, stay
from hl7_adapters.hl7v2 import FORM

NAME, GIVEN, ID_NUMBER = "章", "密示例", "110101196102030018"
PATIENT, OLD_PATIENT = "PT900001", "PT900002"
VISITS = ("ZY900001", "ZY900002", "ZY900003")
PHONE, ADDRESS = "13900001234", "虚构市密示路九号"
SECRETS = (f"{NAME}{GIVEN}", GIVEN, ID_NUMBER, PATIENT, OLD_PATIENT, *VISITS, PHONE, ADDRESS)
OTHER, OTHER_VISIT, OTHER_NAME = "PT700001", "ZY700001", "李他人"
_ASKED = ("", "/versions", "/lines", "/findings", "/trace", "/payment", "/person")
ITEM = "001101000010000-110100001"


def pid(patient: str = PATIENT, name: str = f"{NAME}^{GIVEN}", number: str = ID_NUMBER) -> str:
    """PID with name, certificate, address and telephone."""
    return segment(
        "PID",
        f1="1",
        f3=f"{patient}^^^测试医院^PI~{number}^^^^NI",
        f5=name,
        f7="19610203",
        f8="M",
        f11=f"{ADDRESS}^^虚构市",
        f13=PHONE,
    )


def charges(key: str) -> list[str]:
    """Two charge lines that say the same."""
    cells = {"f4": "20260303090000+0800", "f6": "CG", "f7": ITEM, "f9": "02"}
    return [
        segment("FT1", f1=str(n), f2=f"{key}{n}", f10="1", f11="20.00", f13="心内科", **cells)
        for n in (1, 2)
    ]


UNREADABLE = (8, 9)
"""Numbers of the messages of the person that nobody could read."""


def messages() -> list[bytes]:
    """All messages of the two persons, those that wait and those that are refused among them."""
    left = {"discharged": "20260308100000+0800", "way": "1", "admitted": "20260302083000+0800"}
    other = pid(OTHER, OTHER_NAME, "110101197001010019").replace(PHONE, "13700000000")
    other = other.replace(ADDRESS, "虚构市别处")
    codes = [dg1(1, "I10.x00x002", f6="F")]
    zpi = segment("ZPI", f1="联系人", f2=PHONE, f3=ADDRESS)
    elsewhere = pv1(visit="").split("|")
    elsewhere[5] = VISITS[2]
    utf, gb = {"charset": "UNICODE UTF-8"}, {"charset": "GB 18030-2000"}
    return [
        message("ADT^A03", pid(), pv1(visit=VISITS[0], **left), *codes, zpi, control_id="A1", **gb),
        message("DFT^P03", pid(), pv1(visit=VISITS[0]), *charges("L"), control_id="A2", **utf),
        message("ADT^A03", other, pv1(visit=OTHER_VISIT, **left), *codes, control_id="B1", **gb),
        message("DFT^P03", other, pv1(visit=OTHER_VISIT), *charges("M"), control_id="B2", **utf),
        message("ADT^A01", pid(OLD_PATIENT), pv1(visit=VISITS[1]), *codes, control_id="A3", **gb),
        message("DFT^P03", pid(OLD_PATIENT), pv1(visit=VISITS[1]), *charges("N"), control_id="A4"),
        message("ADT^A40", pid(), f"MRG|{OLD_PATIENT}^^^测试医院^PI", control_id="A5", **gb),
        # Waits: this hospital's mapping does not find the number of the visit.
        message("ADT^A01", pid(), "|".join(elsewhere), control_id="A6", **gb),
        # Refused, and nothing of it could be read into its envelope.
        message("ORU^R01", pid(), control_id=f"X-{VISITS[0]}", version="9.9"),
        message("ADT^A01", other, "|".join(pv1(visit="").split("|")), control_id="B3", **gb),
    ]


@dataclass
class Hospital:
    """A service's settings, its database and what works on it."""

    settings: Settings
    database: Database
    url: str
    cases: dict[str, str] = field(default_factory=dict)

    @property
    def eraser(self) -> Eraser:
        return Eraser(self.settings, self.database)

    def erase(self, by: str = "patient", value: str = PATIENT, *, limit: bool = False) -> Any:
        self.eraser.ready()
        plan = self.eraser.plan(by, value, limit=limit)
        self.eraser.erase(plan, limit=limit, why="request", actor="tester")
        return plan

    def send(self, *raw: bytes) -> None:
        """Take messages in and apply them."""
        Inbox(self.database).put_many([(FORM.envelope(one), "mllp") for one in raw])
        self.work()

    def answers(self) -> dict[str, bytes]:
        """What the service says of the other person, by path."""
        app = create_app(self.settings, self.database, forms={"hl7v2": FORM})
        app.user_middleware.insert(-1, Middleware(Asking))
        case = self.cases[OTHER_VISIT]
        paths = [f"/api/v1/cases/{case}{more}" for more in _ASKED]
        with TestClient(app) as client:
            said = {path: client.get(path, headers={"X-Test-Role": "office"}) for path in paths}
        assert {one.status_code for one in said.values()} == {200}
        return {path: one.content for path, one in said.items()}

    def work(self) -> None:
        worker = Worker(self.settings, self.database, {"hl7v2": FORM})
        while worker.step():
            pass

    def rows(self, table: Any) -> list[dict[str, Any]]:
        inbox = table.metadata is INBOX
        reading = self.database.reading_inbox if inbox else self.database.reading
        with reading() as connection:
            found = connection.execute(select(table).order_by(*table.primary_key.columns))
            return [dict(row) for row in found.mappings()]

    def held(self) -> dict[str, bytes]:
        """All that is on the disk, and of PostgreSQL all rows besides the files of its tables."""
        found = {
            str(path): path.read_bytes()
            for path in self.settings.folder.parent.rglob("*")
            if path.is_file()
        }
        if self.database.postgresql:
            found |= self._tables()
        return found

    def _tables(self) -> dict[str, bytes]:
        found = {}
        with self.database.reading() as connection:
            for table in (*INBOX.sorted_tables, *STORE.sorted_tables):
                for at, row in enumerate(connection.execute(select(table)).mappings()):
                    told = [value for value in row.values() if not isinstance(value, bytes)]
                    blobs = [value for value in row.values() if isinstance(value, bytes)]
                    said = json.dumps(told, default=str, ensure_ascii=False).encode()
                    found[f"{table.name}:{at}"] = b"\0".join([said, *blobs])
            asked = text(
                "SELECT relname, pg_relation_filepath(oid) FROM pg_class"
                " WHERE relkind IN ('r', 't', 'i') AND pg_relation_filepath(oid) IS NOT NULL"
                " AND (relnamespace = 'public'::regnamespace OR relname LIKE 'pg_toast%')"
            )
            paths = connection.execute(asked).all()
        server().execute("CHECKPOINT")
        for name, path in paths:
            file = server().folder / "data" / path
            if file.exists():
                found[f"file:{name}"] = file.read_bytes()
        return found


def traces(held: dict[str, bytes], secrets: tuple[str, ...] = SECRETS) -> dict[str, list[str]]:
    """Where which secret stands, whatever the character set."""
    found: dict[str, list[str]] = {}
    for secret in secrets:
        forms = [secret.encode(one) for one in ("utf-8", "gb18030", "utf-16-le", "utf-16-be")]
        forms.append(secret.encode("ascii", "backslashreplace"))
        for name, content in held.items():
            if any(one in content for one in forms):
                found.setdefault(secret, []).append(name)
    return found


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first service of each kind is made, of which all others are copies."""
    found = tmp_path_factory.getbasetemp() / "erasure"
    found.mkdir(exist_ok=True)
    return found


@contextmanager
def hospital(kind: str, folder: Path, first: Path) -> Iterator[Hospital]:
    """A service whose store and folder speak of the person wherever they can.

    Args:
        kind: ``sqlite`` or ``postgresql``.
        folder: its own.
        first: the folder of one that was made before, or is made there now: this one is its copy.
    """
    with _database(kind, first) as found:
        shutil.copytree(first / kind, folder)
        url = found or f"sqlite:///{folder / 'home' / 'grouper.sqlite'}"
        database = connect(url)
        try:
            made = Hospital(settings_of(folder, url), database, url)
            made.cases = {row["visit"]: row["case_id"] for row in made.rows(stay)}
            yield made
        finally:
            database.close()


@contextmanager
def _database(kind: str, first: Path) -> Iterator[str]:
    template = "erasure_first"
    fresh = not (first / kind).exists()
    if kind == "sqlite":
        if fresh:
            _make(first / kind, f"sqlite:///{first / kind / 'home' / 'grouper.sqlite'}")
        yield ""
        return
    if fresh:
        server().execute(f"CREATE DATABASE {template}")
        _make(first / kind, server().url(template))
    with fresh_database(template) as url:
        yield url


def settings_of(folder: Path, url: str) -> Settings:
    """The settings of such a service."""
    return Settings(
        folder=folder / "home" / "service",
        region="demo",
        database=SecretStr(url),
        destinations={"his": Destination(when="all")},
        listeners={"ward": {"kind": "folder", "path": str(folder / "ward")}},
    )


def _make(folder: Path, url: str) -> None:
    (folder / "home").mkdir(parents=True)
    database = connect(url)
    try:
        upgrade(database)
        made = Hospital(settings_of(folder, url), database, url)
        made.send(*messages())
        # Somebody looked at what cannot be read: as long as it waits it stops an erasure.
        with database.writing_store() as connection:
            dismiss(connection, UNREADABLE, "a", "b", now())
        made.cases = {row["visit"]: row["case_id"] for row in made.rows(stay)}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(screening, "audit_book", lambda _: small_book())
            for scope in ("running", "discharged"):
                screen_stored(database, scope, How(region="demo"), NIGHT, actor="tester")
        _review(made)
        _files(made)
    finally:
        database.close()


def _review(made: Hospital) -> None:
    """What people and others add: evidence, notes, a list of the insurer, checks, exceptions."""
    stays = {row["visit"]: row["id"] for row in made.rows(stay)}
    own = {row["stay_id"]: row for row in made.rows(finding)}
    mine, others = own[stays[VISITS[0]]], own[stays[OTHER_VISIT]]
    with made.database.writing_store() as connection:
        for row, words in ((mine, f"{NAME}{GIVEN} {VISITS[0]}"), (others, f"见 {VISITS[0]} 一例")):
            event = {"finding_id": row["id"], "at": now(), "actor": "a", "action": "comment"}
            event |= {"before": "new", "after": "new", "note": words, "about": {}}
            connection.execute(insert(finding_event), event)
        file = {"finding_id": mine["id"], "at": now(), "actor": "a", "name": f"{GIVEN}.txt"}
        content = f"{NAME}{GIVEN} {PHONE}".encode("utf-16-le")
        file |= {"media": "text/plain", "size": 1, "sha256": bytes(32), "content": content}
        connection.execute(insert(finding_file), file)
        check = {name: mine[name] for name in ("rule", "row", "level", "amount", "document")}
        check |= {
            "at": now(),
            "via": "cds",
            "moment": "order",
            "actor": "a",
            "key": "k",
            "shadow": False,
        }
        connection.execute(insert(order_check), check | {"stay_id": mine["stay_id"]})
        lone = {**mine["document"], "person": PATIENT}
        connection.execute(insert(order_check), check | {"stay_id": None, "document": lone})
        for row in (mine, others):
            exception: dict[str, Any] = {
                "rule": row["rule"],
                "reason": f"{VISITS[0]} 已核",
                "created": now(),
            }
            exception |= {"scope": {"case_id": row["document"]["case_id"]}, "created_by": "a"}
            exception |= {"valid_from": date(2026, 1, 1), "valid_to": date(2027, 1, 1)}
            connection.execute(insert(whitelist), exception)
        told: dict[str, Any] = {
            "stay_id": stays[VISITS[1]],
            "version": 1,
            "as_of": date(2026, 3, 3),
            "made": now(),
        }
        told |= {"model": "m", "scheme": "s", "status": "done", "document": {"case": VISITS[1]}}
        connection.execute(insert(forecast), told)
        _list(connection, mine)
        for case in made.cases.values():
            audit.append(connection, "office", "case_shown", f"case:{case}")


def _list(connection: Any, mine: dict[str, Any]) -> None:
    """An insurer's list with three rows: one deducted, one whose stay is not known, one of another."""
    rows = [
        BatchRow(number=n, sheet=None, row=n + 1, key=key, reason=None, cells=[visit, amount])
        for n, key, visit, amount in (
            (1, "c" * 64, VISITS[0], "30.00"),
            (2, None, VISITS[1], "1.00"),
            (3, None, OTHER_VISIT, "2.00"),
        )
    ]
    batch = Batch(
        at=now(),
        actor="a",
        name=f"清单 {VISITS[0]}.xlsx",
        sha256="d" * 64,
        hospital="H0001",
        due=None,
        rows=3,
        unread=0,
        matched=1,
        header=[{"sheet": None, "names": ["就诊ID", "违规金额"]}],
        about={"findings": 1, "own": 0, "external": 0, "unkept": [], "total": None, "reasons": {}},
    )
    number = finding_batches.add(connection, batch, rows)
    closed = datetime(2026, 4, 2, tzinfo=LOCAL)
    values = {name: value for name, value in mine.items() if name != "id"}
    values |= {"key": "c" * 64, "source": "insurer", "batch_id": number, "deduction": Decimal(30)}
    values |= {"closed": closed, "state": "closed_deducted", "physician": "D1"}
    connection.execute(insert(finding), values)


def _files(made: Hospital) -> None:
    """Jobs, errands, results that are kept, what is made anew, a watched folder."""
    folder = made.settings.folder
    case, other = made.cases[VISITS[0]], made.cases[OTHER_VISIT]
    texts = {
        "jobs/j1/input.csv": f"case_id,name\n{VISITS[0]},{NAME}{GIVEN}\n",
        "jobs/j2/input.csv": f"case_id,name\n{OTHER_VISIT},{OTHER_NAME}\n",
        "errands/e1/errand.json": "{}",
        "errands/e2/errand.json": "{}",
        "settled/2026-03-x/kept.json": '{"of": "2026-03"}',
        "settled/2026-03-x/zh.json": json.dumps({"cases": [{"case_id": case, "fund": "40.00"}]}),
        "mart/manifest.json": '{"source": "store"}',
        "../../ward/done/a.hl7": f"PID|{PATIENT}|{ID_NUMBER}",
    }
    for name, said in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said, "utf-8")
    rows = pa.table({"case_id": [case, other], "fund": [Decimal("40.00"), Decimal("50.00")]})
    tables = {
        "errands/e1/out/entries.parquet": pa.table({"numbers": [[VISITS[0]], ["x"]]}),
        "errands/e2/out/entries.parquet": pa.table({"numbers": [[OTHER_VISIT], ["x"]]}),
        "settled/2026-03-x/cases.parquet": rows.replace_schema_metadata({b"made": b"here"}),
        "mart/2026-03.parquet": rows,
    }
    for name, table in tables.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table, folder / name, compression="zstd")
    export(made.database, folder / "analysis")
