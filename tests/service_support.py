"""An app on a database of its own, with a small form of messages and someone who asks."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from grouper.intake.envelope import Envelope, Receipt, Verdict
from grouper.intake.event import Coded, Event, EventKind, Line
from grouper.intake.forms import IntakeError
from grouper.service.access.principal import Principal
from grouper.service.app import create_app
from grouper.service.settings import Intake, Settings, Web
from grouper.service.worker import Worker
from grouper.store.database import Database, connect
from grouper.store.migrate import upgrade
from grouper.store.states import Role

PEOPLE = {
    "office": Principal(account_id=1, name="office1", role=Role.OFFICE, via="key"),
    "physician": Principal(
        account_id=2, name="doctor1", role=Role.PHYSICIAN, departments=("心内科",), via="key"
    ),
    "manager": Principal(account_id=3, name="manager1", role=Role.MANAGER, via="key"),
    "admin": Principal(account_id=4, name="admin1", role=Role.ADMIN, via="key"),
    "interface": Principal(account_id=5, name="his", role=Role.INTERFACE, via="key"),
}
HEART = {
    "sex": "1",
    "age": "66",
    "department": "心内科",
    "admission_time": "2026-02-20 08:00",
    "discharge_time": "2026-03-01 10:00",
    "total_cost": "52000.00",
}


class JsonForm:
    """Messages as JSON: ``id``, ``patient``, ``visit``, ``facts``, ``dx``, ``px``, ``lines``."""

    name = "fhir"

    def envelope(self, raw: bytes, control_id: str = "") -> Envelope:
        try:
            found = json.loads(raw)
            known = {name: str(found.get(name, "")) for name in ("patient", "visit", "kind")}
            control = control_id or str(found.get("id", ""))
        except (ValueError, AttributeError):
            return Envelope(
                form=self.name, raw=raw, verdict=Verdict.REFUSED, reason="MESSAGE_UNREADABLE"
            )
        made = {"form": self.name, "raw": raw, "control_id": control[:256], **known}
        if known["kind"] == "odd":
            return Envelope(**made, verdict=Verdict.REFUSED, reason="TYPE_UNSUPPORTED")
        if not known["visit"]:
            return Envelope(**made, verdict=Verdict.UNUSABLE, reason="VISIT_MISSING", place="visit")
        return Envelope(**made)

    def events(self, raw: bytes) -> Iterable[Event]:
        found = json.loads(raw)
        if found.get("resourceType") == "Bundle":
            found = next(e["resource"] for e in found["entry"] if "visit" in e["resource"])
        if found.get("kind") == "broken":
            raise IntakeError("MESSAGE_TRUNCATED", place="end")
        if "prior" in found:
            return [
                Event(
                    kind=EventKind.MERGE_VISIT,
                    patient=found["patient"],
                    visit=found["visit"],
                    prior_visit=found["prior"],
                )
            ]
        return [
            Event(
                patient=found.get("patient", ""),
                visit=found["visit"],
                facts=found.get("facts", {}),
                dx=_codes(found.get("dx")),
                px=_codes(found.get("px")),
                lines=tuple(Line(key=k, about=a) for k, a in found.get("lines", {}).items()),
                person=found.get("person", {}),
            )
        ]

    def answer(self, envelope: Envelope, receipt: Receipt) -> bytes:
        return f"{receipt.verdict.value} {envelope.control_id}".encode()


def _codes(codes: list[str] | None) -> tuple[Coded, ...] | None:
    if codes is None:
        return None
    return tuple(Coded(code=code, rank=min(at, 1)) for at, code in enumerate(codes))


class Asking:
    """Middleware within that of access: whoever the header ``X-Test-Role`` names asks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            named = dict(scope["headers"]).get(b"x-test-role", b"").decode()
            if named in PEOPLE:
                scope.setdefault("state", {})["principal"] = PEOPLE[named]
        await self._app(scope, receive, send)


@dataclass
class Service:
    """An app with what stands behind it."""

    app: FastAPI
    settings: Settings
    database: Database
    client: TestClient
    sent: int = field(default=0)

    def ask(self, role: str, method: str, path: str, **more: Any) -> Any:
        headers = {"X-Test-Role": role, **more.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **more)

    def send(self, **message: Any) -> int:
        """Send a message by REST and apply it; returns its number."""
        self.sent += 1
        answer = self.ask(
            "office", "POST", "/api/v1/inbox/fhir", json={"id": f"m{self.sent}", **message}
        )
        worker = Worker(self.settings, self.database, {"fhir": JsonForm()})
        while worker.step():
            pass
        return int(answer.json()["message_id"])

    def stay(self, visit: str = "V1", patient: str = "P1", **changes: Any) -> str:
        """A stored stay; returns its case id."""
        message: dict[str, Any] = {
            "patient": patient,
            "visit": visit,
            "facts": HEART | changes.pop("facts", {}),
            "dx": ["I21.001", "E11.900"],
            "px": ["36.0601"],
            "person": {"name": f"示例{patient}", "birth_date": "1960-01-01"},
        }
        self.send(**message | changes)
        found = self.ask("office", "GET", "/api/v1/cases", params={"text": visit}).json()["cases"]
        return str(found[0]["case_id"])

    def looks(self) -> list[tuple[str, str, str]]:
        """Actor, action and object of every entry of the audit log."""
        from grouper.store import audit  # noqa: PLC0415 -- only here

        with self.database.reading() as connection:
            found = audit.entries(connection, limit=1000)
        return [(one.actor, one.action, one.object) for one in reversed(found)]


@contextmanager
def service(folder: Path, url: str = "", **settings: Any) -> Iterator[Service]:
    """An app on SQLite in a folder, or on another database."""
    made = Settings(
        folder=folder / "service",
        web=settings.pop("web", Web(docs=True)),
        intake=Intake(linger=0),
        **settings,
    )
    database = connect(url or f"sqlite:///{folder / 'grouper.sqlite'}")
    upgrade(database)
    app = create_app(made, database, forms={"fhir": JsonForm()})
    # Around the gate, which lets nobody in whom it does not know.
    app.user_middleware.insert(-1, Middleware(Asking))
    try:
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Service(app, made, database, client)
    finally:
        database.close()
