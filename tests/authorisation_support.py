"""A small service of two departments with something of everything, and those who ask it.

What is of the bones' department has words that stand nowhere else, so that a test may look for them
in whatever is answered to somebody of the heart's.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from access_support import GOOD
from fastapi.routing import iter_route_contexts
from preaudit_support import body as preaudit_body
from preaudit_support import line as preaudit_line
from preaudit_support import person, visit
from review_support import RULE, keep, row
from service_support import Service, service
from sqlalchemy import select
from test_service_jobs import job

from grouper.audit.review.steps import Said
from grouper.service import finding_evidence, findings
from grouper.service.access import managing
from grouper.service.access.principal import rights
from grouper.service.findings import Asker
from grouper.service.job_files import JobState, write_job
from grouper.service.screening import How, screen_stored
from grouper.service.settings import Access, Oidc, Web
from grouper.store import accounts
from grouper.store.reading import stay_by_case
from grouper.store.review_schema import finding
from grouper.store.schema import now
from grouper.store.states import Role

TABLE = Path(__file__).with_name("data") / "authorisation.csv"
ROLES = tuple(role.value for role in Role)
NOBODY = "nobody"
HEART, BONES = "心内科", "骨科"
OTHERS = ("骨科", "赵密示", "PTBONES", "VNBONES", "密示证据")
"""Words of the other department: its name, the patient, numbers, a file's name and content."""
NEVER = "00000000-0000-4000-8000-000000000000"
"""An id that nothing has."""
NO_ISSUER = "http://127.0.0.1:9"
"""An identity provider that is never there."""
_CYCLED = "002503020020000"
"""An item that may be charged once in seven days."""
ORDER = {"item": _CYCLED, "quantity": 1, "amount": "12.00", "time": "2026-02-22 10:00:00"}
CASE = {
    "sex": "1",
    "age": "66",
    "dx": ["I21.001"],
    "px": ["36.0601"],
    "discharge_time": "2026-03-01",
}
_EXCEPTION = {
    "rule": RULE,
    "scope": {"dx": "Z51.1"},
    "reason": "示例",
    "valid_from": "2026-01-01",
    "valid_to": "2027-01-01",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table: what is asked for, and what each role may."""

    kind: str
    method: str
    what: str
    cells: Mapping[str, str]

    @property
    def id(self) -> str:
        return f"{self.method} {self.what}"


def table(kind: str) -> list[Row]:
    """The rows of a kind, as they stand."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        found = [
            Row(
                one["kind"], one["method"], one["what"], {who: one[who] for who in (*ROLES, NOBODY)}
            )
            for one in csv.DictReader(file)
        ]
    return [one for one in found if one.kind == kind]


@dataclass
class Seeded:
    """A service with what stands in it.

    Attributes:
        on: the service.
        keys: the key of an account of each role; ``doctor2`` is of the bones.
        heart: names in addresses to ids of the heart's department, and of what belongs to none.
        bones: the same of the bones' department.
        told: key of what was told of an order of the bones.
    """

    on: Service
    keys: dict[str, str] = field(default_factory=dict)
    heart: dict[str, str] = field(default_factory=dict)
    bones: dict[str, str] = field(default_factory=dict)
    told: str = ""

    def ask(self, who: str, method: str, path: str, **more: Any) -> Any:
        """Ask with the key of an account, or as nobody."""
        headers = dict(more.pop("headers", {}))
        if who != NOBODY:
            headers["Authorization"] = f"Bearer {self.keys[who]}"
        return self.on.client.request(method, path, headers=headers, follow_redirects=False, **more)

    def routes(self) -> list[tuple[str, str]]:
        """Method and path of every route of the app."""
        found = iter_route_contexts(self.on.app.routes)
        return [(method, one.path or "") for one in found for method in sorted(one.methods or ())]


@contextmanager
def seeded(folder: Path) -> Iterator[Seeded]:
    """The service, on a database of its own; nobody in it has a password, for hashing takes long."""
    settings: dict[str, Any] = {
        "web": Web(docs=False),
        "access": Access(rate=1_000_000, sign_in_rate=1_000_000, sessions=1000),
        "oidc": Oidc(issuer=NO_ISSUER, client_id="grouper", redirect="http://127.0.0.1/back"),
    }
    with service(folder, **settings) as on:
        found = Seeded(on)
        _people(found)
        for where, department in ((found.heart, HEART), (found.bones, BONES)):
            _stay(found, where, department)
        _rest(found)
        yield found


def _people(found: Seeded) -> None:
    database = found.on.database
    for role in Role:
        departments = (HEART,) if role is Role.PHYSICIAN else ()
        managing.make(database, "setup", f"{role.value}1", role, departments, None, 12)
        found.keys[role.value] = managing.make_key(database, "setup", f"{role.value}1", "test")
    managing.make(database, "setup", "doctor2", Role.PHYSICIAN, (BONES,), None, 12)
    managing.make(database, "setup", "office2", Role.OFFICE, (), None, 12)
    for name in ("doctor2", "office2"):
        found.keys[name] = managing.make_key(database, "setup", name, "test")
    managing.make(database, "setup", "spare", Role.INTERFACE, (), None, 12)
    found.heart["name"] = "spare"
    found.heart["prefix"] = managing.make_key(database, "setup", "spare", "old").split("_")[1]


def _stay(found: Seeded, ids: dict[str, str], department: str) -> None:
    on, other = found.on, department == BONES
    visit_number = "VNBONES" if other else "VNHEART"
    line = {
        "line_item": _CYCLED,
        "line_quantity": "1",
        "line_amount": "20.00",
        "line_time": "2026-02-21 09:00:00",
        "line_scope": "A",
    }
    facts = {"department": department, "insurance_type": "310", "discharge_way": "1"}
    case = on.stay(
        visit_number,
        "PTBONES" if other else "PTHEART",
        facts=facts,
        lines={"L1": line},
        person={"name": "赵密示" if other else "示例甲", "birth_date": "1960-01-01"},
    )
    with on.database.reading() as connection:
        head = stay_by_case(connection, case)
    assert head is not None
    key = "b" * 24 if other else "a" * 24
    keep(on.database, [row(key, stay_id=head.id, department=department)], at=now())
    with on.database.reading() as connection:
        number = connection.scalar(select(finding.c.id).where(finding.c.key == key))
    assert number is not None
    evidence = ("密示证据" if other else "示例证据") + ".txt"
    office = Asker("office1", rights()[Role.OFFICE], None)
    kept, _ = finding_evidence.attach(
        on.database, office, number, evidence, evidence.encode(), now()
    )
    # Asked of the department: its physicians may answer.
    findings.step(on.database, office, number, "ask", "new", Said(note="请核对"), now())
    ids |= {"case_id": case, "finding_id": str(number), "file_id": str(kept.id)}
    ids |= {"visit": visit_number, "patient": "PTBONES" if other else "PTHEART"}


def _rest(found: Seeded) -> None:
    """What belongs to no department: messages, lists, exceptions, screenings, jobs; and an order."""
    on, ids = found.on, found.heart
    ids["message_id"] = str(on.send(patient="PT9", visit=""))
    listed = found.ask(
        "office",
        "POST",
        "/api/v1/findings/batches",
        files={
            "file": (
                "四月.csv",
                "就诊ID,姓名,规则名称,违规金额\nVNBONES,示例,某规则,3.00\n".encode(),
            )
        },
    )
    ids["batch_id"] = str(listed.json()["batch"])
    exception = found.ask("office2", "POST", "/api/v1/whitelists", json=_EXCEPTION)
    ids["whitelist_id"] = str(exception.json()["id"])
    ids["number"] = str(
        screen_stored(on.database, "running", How(region="national"), now(), actor="auditor").id
    )
    jobs = on.app.state.services.jobs
    for who, where in ((1, found.heart), (_number(on, "office2"), found.bones)):
        number, folder = jobs.prepare()
        made = job(number, owner=who, state=JobState.INTERRUPTED, ended=now())
        write_job(folder, made)
        jobs._jobs[number] = made
        where["job_id"] = number
    checked = found.ask(
        "interface",
        "POST",
        "/api/v1/orders/check",
        json={"visit": "VNBONES", "lines": [ORDER]},
    )
    found.told = checked.json()["findings"][0]["key"]
    on.app.state.services.orders.flush()
    found.heart |= {"service": "grouper-order", "transaction": "3101", "form": "fhir"}
    found.heart["part"] = "result"


def _number(on: Service, name: str) -> int:
    with on.database.reading() as connection:
        account = accounts.by_name(connection, name)
    assert account is not None
    return account.id


HOOKS = {
    "grouper-discharge": "encounter-discharge",
    "grouper-order": "order-sign",
    "grouper-forecast": "patient-view",
    "grouper-order-audit": "order-sign",
}
_FILE = {"files": {"file": ("示例.txt", "示例".encode())}}


def hook(service_id: str, ids: Mapping[str, str]) -> dict[str, Any]:
    """The body of a call of CDS Hooks for a stay."""
    context: dict[str, Any] = {
        "userId": "Practitioner/D1",
        "patientId": ids["patient"],
        "encounterId": ids["visit"],
    }
    instance = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
    return {"hook": HOOKS[service_id], "hookInstance": instance, "context": context}


def sample(method: str, path: str, ids: Mapping[str, str]) -> dict[str, Any]:
    """What is sent along with a request so that it means something; ``ids`` say of which stay."""
    asked = {"visit": ids.get("visit", "VNHEART")}
    preaudited = preaudit_body(person(visit(asked["visit"], preaudit_line(_CYCLED, "1"))))
    case = {"case_id": ids.get("case_id", NEVER)}
    samples: dict[str, dict[str, Any]] = {
        "POST /api/v1/group": {"json": {"case": CASE}},
        "POST /api/v1/group/batch": {"json": {"cases": [CASE]}},
        "POST /api/v1/explain": {"json": {"case": CASE}},
        "POST /api/v1/price": {"json": {"case": CASE}},
        "POST /api/v1/compare": {"json": {"case": CASE, "from": "auto", "to": "auto"}},
        "GET /api/v1/schemes/binding": {"params": {"region": "national", "on": "2026-03-01"}},
        "GET /api/v1/codebooks/search": {"params": {"q": "I21"}},
        "POST /api/v1/forecast": {"json": {"case": CASE}},
        "POST /api/v1/findings": {"json": case | {"rule": RULE, "note": "示例", "amount": "1.00"}},
        "GET /api/v1/findings/deductions": {"params": {"month": "2026-03"}},
        "POST /api/v1/findings/{finding_id}/steps": {
            "json": {"action": "answer", "state": "asked", "note": "示例"}
        },
        "POST /api/v1/findings/{finding_id}/comments": {"json": {"note": "示例"}},
        "POST /api/v1/findings/{finding_id}/files": _FILE,
        "POST /api/v1/findings/batches": {
            "files": {"file": ("五月.csv", "就诊ID,规则名称,违规金额\nV1,某规则,3.00\n".encode())}
        },
        "POST /api/v1/whitelists": {"json": _EXCEPTION},
        "POST /api/v1/whitelists/{whitelist_id}/end": {"json": {"reason": "示例"}},
        "POST /api/v1/rules/standings": {
            "json": {"rule": "GZ10000301004000", "standing": "shadow", "reason": "示例"}
        },
        "POST /api/v1/screenings": {"json": case},
        "POST /api/v1/orders/check": {"json": asked | {"lines": [ORDER]}},
        "POST /api/v1/orders/answers": {"json": {"answers": [{"key": "c" * 24, "answer": "2"}]}},
        "POST /api/v1/nhsa/{transaction}": {"json": preaudited},
        "POST /cds-services/{service}": {"json": hook("grouper-order", {**ids, **asked})}
        if "patient" in ids
        else {},
        "POST /cds-services/{service}/feedback": {
            "json": {"feedback": [{"card": NEVER, "outcome": "accepted"}]}
        },
        "POST /api/v1/inbox/{form}": {"json": {"id": "x1", "patient": "PT8", "visit": ""}},
        "POST /api/v1/messages/{message_id}/dismiss": {"json": {"note": "示例"}},
        # A file of no known kind, so that no process is begun.
        "POST /api/v1/jobs": {"files": {"file": ("示例.odd", b"x")}},
        "POST /api/v1/accounts": {"json": {"name": "made1", "role": "physician"}},
        "PATCH /api/v1/accounts/{name}": {"json": {"active": True}},
        "POST /api/v1/accounts/{name}/keys": {"json": {"label": "示例"}},
        "POST /api/v1/session": {"json": {"name": "nobody", "password": "x"}},
        "POST /api/v1/password": {"json": {"old": "x", "new": GOOD}},
    }
    return samples.get(f"{method} {path}", {})
