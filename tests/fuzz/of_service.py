"""What the service reads: its settings, bodies of requests, uploads, its own files."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
import zipfile
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from written import folder, written

from grouper.intake.forms import forms
from grouper.service import json_files, kept_results, status
from grouper.service.backup_archive import read_backup
from grouper.service.book_changes import read_changes
from grouper.service.book_reading import BookWish, read_amount, read_pairs
from grouper.service.book_source import lay_out, plain_name
from grouper.service.catalogue_imports import Wanted
from grouper.service.cds.drafts import drafts_of
from grouper.service.cds.models import Feedback, HookRequest
from grouper.service.cds.stays import carried
from grouper.service.errand_files import read_errand
from grouper.service.grouping import read_case
from grouper.service.job_files import read_failure, read_job, read_progress
from grouper.service.models import BatchRequest, CompareRequest, GroupRequest
from grouper.service.requests import read_json
from grouper.service.settings import ENV_CONFIG, load_settings
from grouper.service.stored import cursor_of
from grouper.store.analysis import MANIFEST, connect_analysis
from grouper.store.anchors import read_anchors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from draw import Draw

_SETTINGS = b"""hospital = "H1"
region = "jinhua"
compare = ["chs-drg-3.0"]
[web]
port = 8790
origins = ["https://a"]
[access]
idle = 1800
[intake]
linger = 2.0
[listeners.ward]
kind = "folder"
path = "x"
[destinations.his]
when = "all"
options = { host = "h", port = 1 }
"""


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def settings_file(draw: Draw) -> None:
    """The settings of the service (TOML)."""
    with (
        written(draw.document([_SETTINGS]), "grouper.toml") as path,
        _environment(ENV_CONFIG, str(path)),
    ):
        str(load_settings())


@cache
def _bodies() -> list[dict[str, Any]]:
    case = {
        "case_id": "N1",
        "sex": "1",
        "age": 45,
        "discharge_time": "2027-01-05T10:00:00+08:00",
        "dx": ["K80.101", "I10.x00"],
        "px": [{"code": "51.2300", "date": "2027-01-02"}],
        "total_cost": 12345.6,
        "lines": [{"item": "A", "amount": 1.5, "quantity": 1, "time": "2027-01-02"}],
    }
    choice = {"scheme": "chs-drg-3.0", "case": case}
    return [choice, {"cases": [case]}, choice | {"schemes": ["chs-drg-3.0", "chs-drg-2.0"]}]


def request_body(draw: Draw) -> None:
    """Cases in bodies of requests (JSON)."""
    body = read_json(draw.json(_bodies()))
    for model in (GroupRequest, BatchRequest, CompareRequest):
        try:
            asked = model.model_validate(body)
        except ValidationError:
            continue
        raw = getattr(asked, "case", None)
        for one in [raw] if raw is not None else getattr(asked, "cases", ()):
            read_case(one, None, "zh")


@cache
def _hooks() -> list[dict[str, Any]]:
    medication = {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "draft",
        "medicationCodeableConcept": {"coding": [{"system": "urn:x", "code": "X1"}], "text": "药"},
        "dispenseRequest": {"quantity": {"value": 2}},
        "authoredOn": "2026-03-01T08:00:00+08:00",
    }
    service = {"resourceType": "ServiceRequest", "id": "s1", "code": {"coding": [{"code": "S"}]}}
    orders = {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": medication}, {"resource": service}],
    }
    encounter = {"resourceType": "Encounter", "id": "e", "subject": {"reference": "Patient/p"}}
    hook = {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"userId": "u", "patientId": "P1", "encounterId": "V1", "draftOrders": orders},
        "prefetch": {"encounter": encounter, "more": orders},
    }
    item = {"card": hook["hookInstance"], "outcome": "overridden"}
    return [hook, {"feedback": [item | {"overrideReasons": [{"reason": {"code": "x"}}]}]}]


def cds_hook(draw: Draw) -> None:
    """Calls of CDS Hooks and their feedback (JSON)."""
    body = read_json(draw.json(_hooks()))
    with suppress(ValidationError):
        Feedback.model_validate(body)
    try:
        asked = HookRequest.model_validate(body)
    except ValidationError:
        return
    for one in drafts_of(asked.context.draftOrders):
        json.dumps(asdict(one)).encode()
    carried(asked.prefetch, forms(), asked.context.encounterId or "")


_WORDS = ("1767000000.12", "0.0", "a=b\nc=d", "12.5", "K80", "2026-01-01")


def request_words(draw: Draw) -> None:
    """Cursors, pairs, amounts and names of files in requests."""
    word = draw.document([one.encode() for one in _WORDS]).decode("utf-8", "replace")
    plain_name(word)
    for read in (cursor_of, read_pairs, read_amount):
        try:
            read(word)
        except Exception as error:
            describe = getattr(error, "describe", None)
            if describe is None:
                raise
            describe("en")


@cache
def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("city/scheme.json", "{}")
        archive.writestr("city/mdc.csv", "mdc,name,rule,sort\n")
    return out.getvalue()


def book_upload(draw: Draw) -> None:
    """A scheme that is handed in: a folder in a zip file, a workbook, a table."""
    if draw.raw_wanted():
        content = draw.rest()
    elif draw.number(2):
        changed = bytearray(_zip())
        for _ in range(draw.number(6) + 1):
            changed[draw.number(len(changed))] ^= draw.number(255) + 1
        content = bytes(changed)
    else:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            for _ in range(draw.number(4)):
                name = draw.text().encode("utf-8", "replace").decode()[:200]
                archive.writestr(
                    zipfile.ZipInfo(name or "x"), draw.text().encode("utf-8", "replace")
                )
        content = out.getvalue()
    called = draw.of(("city.zip", "city.zip", "a.xlsx", "a.csv"))
    with folder({"in": content, "out/x": b""}) as place:
        lay_out(place / "in", called, place / "out")


@cache
def _tasks() -> list[dict[str, Any]]:
    times = dict.fromkeys(("created", "started", "ended"), "2026-11-05T10:00:00+08:00")
    errand = {
        "id": "x",
        "kind": "compare",
        "owner": 1,
        "actor": "a",
        "reach": ["D1"],
        "language": "zh",
        "params": {},
        "state": "running",
        "code": None,
        "detail": None,
        "advice": None,
        "answer": None,
        "tries": 0,
    }
    job = {
        "id": "x",
        "owner": "a",
        "state": "done",
        "format": "csv",
        "output": "csv",
        "scheme": None,
        "region": "national",
        "explain": False,
        "language": "zh",
    }
    wish = BookWish(id="a", region="jinhua").to_json()
    return [errand | times, job | times, {"done": 1, "of": 2}, wish, {"rows": 1, "share": 0.5}]


def task_files(draw: Draw) -> None:
    """The files of errands and jobs, and what processes tell of themselves (JSON)."""
    told = {"at": datetime.now(UTC).isoformat(), "since": None, "values": {"a": 1.0}}
    content = draw.json([*_tasks(), told])
    names = ("errand.json", "progress.json", "job.json", "failure.json", "status/web.json")
    with folder(dict.fromkeys((*names, "changes.json"), content)) as place:
        json_files.read(place / "job.json")
        read_errand(place)
        read_job(place)
        read_progress(place)
        read_failure(place)
        read_changes(place)
        status.read(place)
        plain = json_files.read(place / "errand.json")
    if plain is not None:
        Wanted.of(plain)


@cache
def _result() -> dict[str, Any]:
    return {"of": "2026-11", "made": "2026-11-05T10:00:00+08:00", "actor": "a"}


def kept_folders(draw: Draw) -> None:
    """Results that are kept (JSON)."""
    content = draw.json([_result()])
    with folder({"2026-11-x/kept.json": content}) as place:
        for one in kept_results.all_of(place):
            str(one.made)


def anchor_file(draw: Draw) -> None:
    """The anchors of the audit log (JSON Lines)."""
    line = {"id": 1, "hash": "0" * 64, "at": "2026-11-05T10:00:00+08:00"}
    with written(draw.json([line]), "anchors.jsonl") as path:
        read_anchors(path)


def analysis_folder(draw: Draw) -> None:
    """An export for analysis (JSON)."""
    told = {"files": {}, "until": {"versions": 0}, "check": {}, "blocks": {}, "format": 1}
    with written(draw.json([told]), MANIFEST) as path:
        connect_analysis(path.parent).close()


@cache
def _backup() -> dict[str, bytes]:
    tables = {"store": {"revision": "1", "rows": {"stay": 1}, "counted": {}}}
    content = b"x" * 32
    told = {
        "form": 1,
        "made": "2026-11-05T10:00:00+08:00",
        "program": "0.1.0",
        "tables": tables,
        "files": {"tables/store.stay.parquet": [hashlib.sha256(content).hexdigest(), 32]},
    }
    return {"manifest.json": json.dumps(told).encode(), "tables/store.stay.parquet": content}


def backup_file(draw: Draw) -> None:
    """A backup (tar)."""
    if draw.raw_wanted():
        raw = draw.rest()
    else:
        files = dict(_backup())
        if draw.number(2):
            told = json.loads(files["manifest.json"])
            files["manifest.json"] = draw.json([told])
        files["manifest.sha256"] = hashlib.sha256(files["manifest.json"]).hexdigest().encode()
        raw = _tar(draw, files)
    with written(raw, "b.tar") as path:
        _ = read_backup(path).rows


def _tar(draw: Draw, files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(draw.of((name, name, name, f"../{name}", "x")))
            entry.size = len(content)
            entry.type = draw.of((tarfile.REGTYPE,) * 6 + (tarfile.SYMTYPE, tarfile.DIRTYPE))
            archive.addfile(entry, io.BytesIO(content))
    raw = bytearray(out.getvalue())
    for _ in range(draw.number(4)):
        raw[draw.number(len(raw))] ^= draw.number(255) + 1
    return bytes(raw)


SEEDS: dict[str, Callable[[], list[bytes]]] = {"book_upload": lambda: [_zip()]}
