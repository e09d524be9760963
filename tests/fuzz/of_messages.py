"""What hospital systems send: HL7 v2 and its frames, FHIR, transactions of the insurer."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import fhir_support as fhir
import hl7_codec_support as codec_support
import nhsa_support as nhsa
import preaudit_support as preaudit
from hl7_messages import EVERY_KIND, pv1, segment, stay
from test_hl7_mapping_override import OWN
from written import written

from grouper.intake.envelope import Receipt, Verdict
from grouper.intake.event import EventKind
from grouper.intake.forms import Form, form
from grouper.intake.porches import porch
from grouper.intake.record import case_of, merge
from grouper.intake.result import CaseResult
from grouper.intake.table_form import TableForm
from hl7_adapters.fhir.form import FhirForm
from hl7_adapters.folder.names import meanings, read_meanings
from hl7_adapters.folder.options import FolderOptions
from hl7_adapters.hl7v2.charsets import load_charsets
from hl7_adapters.hl7v2.codec import Message, build, parse, split_batch
from hl7_adapters.hl7v2.form import Hl7Form
from hl7_adapters.hl7v2.mapping import load_mapping
from hl7_adapters.hl7v2.result import load_template
from hl7_adapters.mllp.answers import read_answer
from hl7_adapters.mllp.frames import Frames
from hl7_adapters.mllp.options import ListenerOptions, SenderOptions
from hl7_adapters.nhsa.options import read_options
from hl7_adapters.nhsa.preaudit import PREAUDITOR
from hl7_adapters.nhsa.review import REVIEWER
from hl7_adapters.nhsa.table_files import read_tables
from hl7_adapters.nhsa.tables import Tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from draw import Draw

    from grouper.case.record import Case

_HL7 = [
    *EVERY_KIND,
    stay("ORU^R01", pv1(), segment("OBX", f1="1", f2="NM", f3="8339-4", f5="3200", f6="g")),
]
_PIECES = (b"|", b"^", b"~", b"\\", b"&", b"\r", b"\n", b'""', b"PID|", b"PV1|", b"MRG|P|||V")
_PIECES += (b"FT1|1", b"DG1|", b"MSH|", b"\xff", b"\x00", b"BTS|2", b"\x0b", b"\x1c\r", b"\\X")


def _mixed(draw: Draw, seeds: list[bytes]) -> bytes:
    """A document, with some separators of HL7 put into it where they hurt."""
    found = draw.document(seeds)
    for _ in range(draw.number(4)):
        at = draw.number(len(found) + 1)
        found = found[:at] + draw.of(_PIECES) + found[at + draw.number(6) :]
    return found


def hl7_codec(draw: Draw) -> None:
    """Segments of a message read, written again and read the same."""
    for piece in split_batch(_mixed(draw, _HL7)):
        found = parse(piece)
        _walk(found)
        _rewritten(found)


def _walk(found: Message) -> None:
    for one in found.segments:
        for field in range(one.size + 2):
            for repetition in range(1, one.repetitions(field) + 2):
                for component in range(1, one.components(field, repetition) + 2):
                    one.value(field, component, 1, repetition)
                    one.value(field, component, 2, repetition)


def _rewritten(found: Message) -> None:
    values = [[s.value(n) for n in range(1, s.size + 1)] for s in found.segments]
    names = [s.name for s in found.segments]
    again = parse(build(list(zip(names, values, strict=True)), found.charset))
    wanted = [[v for v in row if v] for row in values[1:]]
    read = [[v for n in range(1, s.size + 1) if (v := s.value(n))] for s in again.segments[1:]]
    if read != wanted:
        raise AssertionError


_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""NUL as JSON writes it; after a further backslash it is the word for it, which anybody may send."""


def _of_form(known: Form, raw: bytes) -> None:
    """Both readings of a message, its answer, and the case that the store would keep."""
    envelope = known.envelope(raw, "key")
    accepted = envelope.verdict is Verdict.ACCEPTED
    known.answer(
        envelope, Receipt(message_id=1, verdict=envelope.verdict, reason=envelope.reason)
    ).decode("utf-8", "replace")
    outline = getattr(known, "outline", None)
    if outline is not None and accepted:
        list(outline(raw))
    record: dict[str, Any] = {}
    lines: list[Any] = []
    for stamp, event in enumerate(known.events(raw), 1):
        if event.kind is EventKind.STAY:
            record = merge(record, event, stamp)
            lines += [line.about for line in event.lines]
    kept = json.dumps([record, lines], ensure_ascii=False).encode()
    if accepted and _NUL.search(kept):
        raise AssertionError  # PostgreSQL takes no NUL
    case, issues = case_of(record, lines)
    encode_all(case)
    for issue in issues:
        str(issue)


@cache
def _encoders() -> list[Any]:
    return [porch("grouper.encoders", name)({}) for name in ("hl7v2", "fhir")]


def encode_all(case: Case) -> None:
    """Whatever was taken can be sent back."""
    result = CaseResult(
        case=case,
        hospital="H0001",
        patient="P1",
        visit="V1",
        version=1,
        at=datetime(2026, 3, 5, tzinfo=UTC),
        grouped=None,
        reason="SCHEME_DATE_MISSING",
    )
    for one in _encoders():
        one.encode(result, "1")


def hl7_form(draw: Draw) -> None:
    """HL7 v2 to events."""
    raw = _mixed(draw, _HL7)
    for piece in form("hl7v2").split(raw):  # type: ignore[attr-defined]  # this form splits
        _of_form(form("hl7v2"), piece)


def mllp_frames(draw: Draw) -> None:
    """Frames of a stream in pieces, and what an answer in one says."""
    size, limit = draw.number(64) + 1, draw.number(4096) + 1
    raw = _mixed(draw, [b"\x0b" + one + b"\x1c\r" for one in _HL7])
    frames = Frames(limit, limit * 2)
    cut = 0
    for at in range(0, len(raw), size):
        frames.feed(raw[at : at + size])
        while (frame := frames.next()) is not None:
            cut += len(frame.content)
            read_answer(frame.content)
    if cut > len(raw) + 2 * 4096:
        raise AssertionError


@cache
def _bundles() -> list[Any]:
    encounter = fhir.encounter(
        period={"start": "2026-03-01T08:00:00+08:00", "end": "2026-03-05T10:00:00+08:00"}
    )
    plain = {
        "p": fhir.patient(gender="male", birthDate="1960-05-01"),
        "e": encounter,
        "c": fhir.condition("I21.001"),
        "x": fhir.procedure("36.0601", performedDateTime="2026-03-02"),
        "n": {
            "resourceType": "ChargeItem",
            "status": "billable",
            "code": fhir.concept("urn:x", "F1"),
            "subject": fhir.ref("p"),
            "context": fhir.ref("e"),
            "occurrenceDateTime": "2026-03-02",
            "quantity": {"value": 1.5},
            "priceOverride": {"value": 12.30, "currency": "CNY"},
        },
        "w": {
            "resourceType": "Observation",
            "status": "final",
            "code": fhir.concept("http://loinc.org", "8339-4"),
            "subject": fhir.ref("p"),
            "encounter": fhir.ref("e"),
            "valueQuantity": {"value": 3200, "unit": "g"},
        },
    }
    newer = fhir.bundle({"p": fhir.patient(), "e": fhir.encounter(version="R5")}, "message")
    return [fhir.bundle(plain), newer, fhir.patient(), {"resourceType": "Claim", "item": [{}]}]


def fhir_form(draw: Draw) -> None:
    """FHIR bundles to events."""
    _of_form(form("fhir"), draw.json(_bundles()))


@cache
def _transactions() -> list[Any]:
    charge = {
        "feedetl_sn": "F1",
        "mdtrt_id": "V1",
        "psn_no": "P1",
        "fee_ocur_time": "2026-03-02 10:00:00",
        "med_list_codg": "001",
        "det_item_fee_sumamt": "12.30",
        "cnt": "1",
        "pric": "12.30",
    }
    return [
        nhsa.message("4101", nhsa.settlement()),
        nhsa.message("4101A", nhsa.settlement()),
        nhsa.message("2301", {"feedetail": [charge]}),
        nhsa.message("2401", {"mdtrtinfo": nhsa.LIST, "diseinfo": nhsa.DX}),
        nhsa.message("4401", {"baseinfo": nhsa.LIST, "diseinfo": nhsa.DX, "oprninfo": nhsa.PX}),
    ]


def nhsa_form(draw: Draw) -> None:
    """Transactions of the insurer to events."""
    _of_form(form("nhsa"), draw.json(_transactions()))


def nhsa_review(draw: Draw) -> None:
    """A settlement list held against a case, and against the field tables."""
    raw = draw.json(_transactions())
    case = _case()
    REVIEWER.checks(raw, "en")
    REVIEWER.differences(raw, case, "case", "en")
    for media in ("csv", "xlsx"):
        REVIEWER.document(raw, case, "case", media, "en")


@cache
def _case() -> Case:
    return nhsa.case_from(nhsa.message("4101", nhsa.settlement()))


@cache
def _asked() -> list[Any]:
    visit = preaudit.visit("V1", preaudit.line(preaudit.CYCLED, "L1"))
    head = {"syscode": "H0001", "trig_scen": "1", "patient_dtos": [preaudit.person(visit)]}
    warns = [{"warn_rslt_id": "K1", "dspo_way": "1", "dspo_way_rea": "x"}]
    return [
        {"infno": "3101", "msgid": "M1", "input": {"data": head}},
        {"input": {"data": {**head, "rule_ids": ["R1"]}}},
        {"infno": "3103", "input": {"data": {"warn_type": "1", "warns": warns}}},
    ]


def nhsa_preaudit(draw: Draw) -> None:
    """3101, 3102 and 3103."""
    transaction = draw.of(("3101", "3102", "3103"))
    raw = draw.json(_asked())
    PREAUDITOR.reply_of(raw)
    if transaction in PREAUDITOR.tells:
        PREAUDITOR.confirm(PREAUDITOR.read_reactions(raw, transaction))
        return
    asked = PREAUDITOR.read(raw, transaction)
    PREAUDITOR.answer(asked, [], [])


def hl7_mapping(draw: Draw) -> None:
    """A hospital's own mapping of HL7."""
    with written(draw.document([OWN.encode()]), "own.toml") as path:
        load_mapping(path)


def hl7_template(draw: Draw) -> None:
    """A hospital's own template of the message that takes a result back."""
    with written(draw.document([_shipped("hl7v2", "result.toml")]), "result.toml") as path:
        load_template(path)


@cache
def _shipped(package: str, name: str) -> bytes:
    return (files(f"hl7_adapters.{package}") / "data" / name).read_bytes()


_NHSA_TABLES = ("code_lists", "meanings", "keys", "regions", "dialects", "preaudit_codes", "fields")
_FHIR_TABLES = ("codes", "elements", "systems", "observations", "units", "statuses", "versions")


def nhsa_tables(draw: Draw) -> None:
    """A hospital's own tables of the transactions."""
    name = draw.of(_NHSA_TABLES)
    with written(_table(draw, "nhsa", name), f"{name}.csv") as path:
        Tables(read_tables(path.parent))


def fhir_tables(draw: Draw) -> None:
    """A hospital's own tables of FHIR codes."""
    name = draw.of(_FHIR_TABLES)
    with written(_table(draw, "fhir", name), f"{name}.csv") as path:
        FhirForm().configure({"tables": str(path.parent)})


def porch_tables(draw: Draw) -> None:
    """Tables of character sets and of names in a watched folder; names of files there."""
    kind = draw.number(3)
    if kind == 2:
        known, name = meanings(), draw.text()
        known.partial(name)
        known.marked(name)
        known.form_of(name, draw.rest())
        return
    if kind:
        with written(_table(draw, "hl7v2", "charsets"), "charsets.csv") as path:
            load_charsets(path)
        return
    with (
        written(_table(draw, "folder", "suffixes"), "suffixes.csv") as first,
        written(_table(draw, "folder", "contents"), "contents.csv") as second,
    ):
        read_meanings(first, second)


def _table(draw: Draw, package: str, name: str) -> bytes:
    rows = list(csv.reader(_shipped(package, f"{name}.csv").decode("utf-8-sig").splitlines()))
    return draw.csv([rows[:6]])


@cache
def _options() -> list[tuple[Callable[[Any], object], dict[str, Any]]]:
    return [
        (
            ListenerOptions.from_mapping,
            {"host": "h", "port": 1, "frame_limit": 64, "idle_seconds": 1},
        ),
        (SenderOptions.from_mapping, {"host": "h", "port": 1, "tls": False, "retry": ["AR"]}),
        (FolderOptions.from_mapping, {"path": "x", "suffixes": {".x": "hl7v2"}, "limit": 1}),
        (porch("grouper.encoders", "hl7v2"), {"template": ""}),
        (porch("grouper.encoders", "fhir"), {}),
        (FhirForm().configure, {"version": "R4", "validate": False, "base": "b"}),
        (read_options, {"patient": ["psn_no"], "link": True, "dialect": ""}),
        (Hl7Form().configure, {"language": "zh", "mapping": ""}),
        (TableForm().configure, {"defaults": {"sex": "1"}, "hospital": False}),
    ]


def porch_options(draw: Draw) -> None:
    """Options of listeners, senders, encoders and forms, as the settings write them."""
    read, good = draw.of(_options())
    found = draw.tree(good)
    if isinstance(found, dict):
        read(found)


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "hl7_codec": lambda: [
        *_HL7,
        *(
            codec_support.message("PID|1||P1^^^HIS~Q2&x||测试\\F\\\\XD6D0\\", charset=name).encode(
                c
            )
            for name, c in (("", "utf-8"), ("GBK", "gb18030"), ("UNICODE", "utf-16"))
        ),
    ],
    "hl7_form": lambda: _HL7,
    "mllp_frames": lambda: [b"\x0b" + one + b"\x1c\r" for one in _HL7],
    "fhir_form": lambda: [json.dumps(one).encode() for one in _bundles()],
    "nhsa_form": lambda: [json.dumps(one).encode() for one in _transactions()],
    "nhsa_review": lambda: [json.dumps(one).encode() for one in _transactions()],
    "nhsa_preaudit": lambda: [json.dumps(one).encode() for one in _asked()],
}
