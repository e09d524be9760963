"""Requests in the insurer's shape, answered: line by line at once, or as whole cases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from codebooks.messages import catalogue, text
from grouper.audit.engine import audit
from grouper.audit.words import parts
from grouper.case.fields import CASE_SCHEMA
from grouper.case.issues import Severity
from grouper.case.record import Case
from grouper.intake.preaudit import LINES, Told, ToldLine
from grouper.service.audit_queue import Entry, logged
from grouper.service.order_answers import rule_name, source_of, unjudged_out
from grouper.service.order_reading import LINE, Proposed, Subject, subject_of_case
from grouper.service.order_stays import found_stay
from grouper.service.orders import Checked, check, found_of, rows_of, sorted_out
from grouper.service.problems import ServiceError
from grouper.store.schema import now

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from codebooks.audit.books import AuditBook
    from grouper.intake.preaudit import Asked, AskedVisit
    from grouper.service.access.principal import Principal
    from grouper.service.context import Services
    from grouper.service.order_desk import OrderDesk, Ruling
    from grouper.service.orders import Found


@dataclass(frozen=True, slots=True)
class Read:
    """A visit that was sent, as a case.

    Attributes:
        visit: as it was sent.
        case: with its lines; ids and numbers of people are none of the sender's.
        amounts: of its lines, by what the sender calls them.
    """

    visit: AskedVisit
    case: Case
    amounts: Mapping[str, Decimal | None]


def answered(
    services: Services, asked: Asked, caller: Principal, lang: str
) -> tuple[list[Told], list[str]]:
    """What is told of the visits that are asked about, and what was not judged, in words.

    That it was looked at is logged before this comes back; what was told is kept after.

    Raises:
        ServiceError: ``CASE_UNREADABLE``: a visit is no case.
        AuditError: ``AUDIT_LINE``: a value that no line can hold.
        GrouperError: the store or the audit log is away.
    """
    at = now()
    told: list[Told] = []
    remarks = [_remark(one.place, one.reason, lang) for one in asked.remarks]
    book = services.orders.book()
    rules = _rules(asked, book)
    unknown = [one for one in asked.rules if one not in book.rules]
    if unknown:
        remarks.append(text("orders.rules_unknown", lang, rules=" ".join(unknown)[:200]))
    read = [_read(visit, number) for number, visit in enumerate(asked.visits, 1)]
    for one in read:
        if not one.visit.current:
            continue
        visit = one.visit
        stored, other, ruling = found_stay(
            services, caller, visit.hospital, visit.visit, visit.patient
        )
        if other:
            remarks.append(text("orders.other_patient", lang))
        subject = _subject(one, stored)
        about = {"via": asked.transaction, "moment": asked.moment, "lines": len(visit.lines)}
        entry = Entry(caller.name, "orders_checked", subject.object, about)
        done = services.audit.submit(entry)
        if asked.engine == LINES:
            checked = _by_lines(services.orders, asked, one, subject, ruling, rules, at)
        else:
            same = [two for two in read if two is not one and two.visit.person == visit.person]
            checked = _whole(services.orders, asked, one, subject, same, ruling, rules)
        told += [_told(found, one, book, lang) for found in checked.told]
        remarks += [_unjudged(line, lang) for line in unjudged_out(checked, lang)]
        logged(done)
        services.orders.keep(rows_of(checked, asked.transaction, caller.name))
    return told, list(dict.fromkeys(remarks))


def _rules(asked: Asked, book: AuditBook) -> frozenset[str] | None:
    """The rules that are asked: of the scene's classes, and those that the request names."""
    if not asked.classes and not asked.rules:
        return None
    return frozenset(
        key
        for key, rule in book.rules.items()
        if (not asked.classes or rule.class_ in asked.classes)
        and (not asked.rules or key in asked.rules)
    )


def _read(visit: AskedVisit, number: int) -> Read:
    """A visit as a case.

    Raises:
        ServiceError: ``CASE_UNREADABLE``.
    """
    # A line that states nothing else keeps its place by its name.
    lines = [{"line_name": one.name, **one.about} for one in visit.lines]
    raw = {**visit.raw, **{name: [one.get(name) for one in lines] for name in LINE}}
    case, issues = Case.from_mapping({**raw, "hospital": visit.hospital or None})
    rejects = [issue.reason for issue in issues if issue.severity is Severity.REJECT]
    if rejects:
        raise ServiceError("CASE_UNREADABLE", reasons=", ".join(dict.fromkeys(rejects)))
    own = f"{visit.hospital}\x1f{visit.patient}\x1f{visit.visit}"
    key = own if visit.current else f"{own}\x1f{number}"
    names = [line.name for line in visit.lines]
    amounts = dict(zip(names, case.line_amount or (None,) * len(names), strict=True))
    told = subject_of_case(case, key)
    return Read(visit, replace(case, case_id=told.case.case_id, person=None), amounts)


def _by_lines(
    desk: OrderDesk,
    asked: Asked,
    one: Read,
    subject: Subject,
    ruling: Ruling,
    rules: frozenset[str] | None,
    at: datetime,
) -> Checked:
    proposed = [
        Proposed(line.name, line.about, line.hospital_item or None)
        for line in one.visit.lines
        if line.proposed
    ]
    return check(
        desk,
        subject,
        proposed,
        ruling,
        at=at,
        moment=asked.moment,
        only_proposed=asked.only_proposed,
        rules=rules,
    )


def _subject(one: Read, stored: Subject | None) -> Subject:
    """The case that was sent, with the lines that were sent as charged.

    Where the message brings none, those of the stored stay stand beside what is proposed.
    """
    earlier = [at for at, line in enumerate(one.visit.lines) if not line.proposed]
    columns: dict[str, Any] = {
        name: tuple(column[at] for at in earlier) if (column := getattr(one.case, name)) else ()
        for name in LINE
    }
    own = subject_of_case(replace(one.case, **columns))
    own = replace(
        own,
        case=replace(own.case, case_id=one.case.case_id),
        names={place: one.visit.lines[at].name for place, at in enumerate(earlier, 1)},
    )
    if stored is None:
        return own
    known = replace(own.case, case_id=stored.case.case_id, person=stored.case.person)
    linked = replace(own, case=known, stay_id=stored.stay_id, version=stored.version)
    if earlier:
        return linked
    return replace(linked, lines=stored.lines, names=stored.names, after=stored.after)


def _whole(
    desk: OrderDesk,
    asked: Asked,
    one: Read,
    subject: Subject,
    others: Sequence[Read],
    ruling: Ruling,
    rules: frozenset[str] | None,
) -> Checked:
    """A case screened as before its upload, with the other visits that were sent beside it."""
    person = subject.case.person or "handed-in"
    cases = [replace(one.case, case_id=subject.case.case_id), *(other.case for other in others)]
    rows = [replace(case, person=person).to_mapping() for case in cases]
    judged = np.zeros(len(rows), bool)
    judged[0] = True
    ready = desk.ready(ruling.book, rules).context
    context = replace(ready, moment=asked.moment, levels=desk.levels(subject))
    found = audit(
        pa.Table.from_pylist(rows, CASE_SCHEMA), None, ruling.book, context=context, judged=judged
    )
    names = {number: line.name for number, line in enumerate(one.visit.lines, 1)}
    # The word that stood for the person of this message is nobody's pseudonym.
    told = [
        found_of({**row, "person": subject.case.person}, names)
        for row in found.findings.to_pylist()
    ]
    checked = Checked(subject=subject, moment=asked.moment, told=tuple(told), names=names)
    return sorted_out(checked, ruling)


def _told(found: Found, one: Read, book: AuditBook, lang: str) -> Told:
    row = found.row
    rule = book.rules.get(row["rule"])
    said = parts(row, book, lang)
    return Told(
        key=found.key,
        rule=row["rule"],
        name=rule_name(found, book, lang),
        content=" ".join(filter(None, (said.what, said.why))),
        evidence=source_of(row, book, lang),
        level=row["level"],
        class_="" if rule is None else rule.class_,
        amount=row["amount"],
        visit=one.visit,
        lines=_told_lines(found, one),
    )


def _told_lines(found: Found, one: Read) -> tuple[ToldLine, ...]:
    """The lines at fault, each with its part of the amount where that is known."""
    amount = found.row["amount"]
    if len(found.names) == 1:
        return (ToldLine(found.names[0], amount),)
    own = [one.amounts.get(name) for name in found.names]
    whole = None not in own and sum((part or 0 for part in own), Decimal(0)) == amount
    return tuple(
        ToldLine(name, part if whole else None) for name, part in zip(found.names, own, strict=True)
    )


def _remark(place: str, reason: str, lang: str) -> str:
    words = text(f"reason.{reason}", lang) if f"reason.{reason}" in catalogue(lang) else reason
    return text("orders.remark", lang, place=place, reason=words)


def _unjudged(line: Mapping[str, Any], lang: str) -> str:
    return text("orders.remark", lang, place=line["id"], reason=line["text"])
