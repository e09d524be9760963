"""Findings of the demonstration: screened, some of them reviewed, and an invented list of the insurer."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from codebooks.audit.books import audit_book
from grouper.audit.insurer.columns import at_hand
from grouper.audit.review.steps import Said
from grouper.service import finding_evidence, findings, insurer_lists
from grouper.service.access.principal import Principal
from grouper.service.finding_answers import rule_name
from grouper.service.findings import asker_of
from grouper.service.screening import NIGHT, How, screen_stored
from grouper.store import accounts, finding_deadlines
from grouper.store.findings import Wanted
from grouper.store.states import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from grouper.service.findings import Asker
    from grouper.service.settings import Settings
    from grouper.store.database import Database
    from grouper.store.findings import Listed

ACTOR = "auditor"
FIRST, SECOND = "office", "reviewer"
LISTED, HEADER = 12, "就诊ID,规则编码,规则名称,项目编码,费用日期,违规金额,违规内容"
_HOUR = timedelta(hours=1)
_ASKED = (1, 3, 4, 5)
"""Days that a department has to answer."""
PASSED = timedelta(days=2)
"""Since the screenings: so a few departments are late, and most deadlines are still to come."""
_PAPER = "演示用说明：病程记录与医嘱（虚构）。\n".encode()

Step = tuple[str, str, str, Said]
"""Who takes it, its name, the state it is read in, and what is said."""

_ASK = Said(note="请说明该项目的医嘱与执行记录。（演示）", due=None)
OWN: tuple[tuple[Step, ...], ...] = (
    (),
    ((FIRST, "confirm", "new", Said()),),
    ((FIRST, "ask", "new", _ASK),),
    (
        (FIRST, "ask", "new", _ASK),
        (FIRST, "answer", "asked", Said(note="已补记执行时间，次数属实。（演示）")),
    ),
    (
        (FIRST, "propose", "new", Said(note="两次执行相隔一日，不属重复。（演示）")),
        (SECOND, "dismiss", "proposed", Said(note="同意排除。（演示）", verdict=False)),
    ),
    (
        (FIRST, "confirm", "new", Said()),
        (SECOND, "uphold", "confirmed", Said()),
        (SECOND, "deduct", "upheld", Said(note="本院主动退回。（演示）", amount=Decimal("0.01"))),
    ),
)
"""How far the review of every sixth own finding has come."""
INSURER: tuple[tuple[Step, ...], ...] = (
    (),
    ((FIRST, "accept", "notified", Said()),),
    ((FIRST, "object", "notified", Said(note="有医嘱与病程记录，见附件。（演示）")),),
    (
        (FIRST, "object", "notified", Said(note="有医嘱与病程记录，见附件。（演示）")),
        (SECOND, "send", "objecting", Said()),
        (SECOND, "maintain", "objected", Said(note="医保部门维持原意见。（演示）")),
        (FIRST, "appeal", "maintained", Said(note="申请复核，见附件。（演示）")),
    ),
)
"""Likewise of the findings that the insurer listed; objections and appeals need a file."""


def screen(
    settings: Settings,
    database: Database,
    months: Sequence[str],
    at: datetime,
    progress: Callable[[int], None],
) -> int:
    """Screen the stays that run, and those discharged in some months; returns the new findings."""
    audit = settings.audit
    how = How(region=settings.region, page=audit.page, book=audit.book, progress=progress)
    return sum(
        screen_stored(database, scope, how, at, actor=ACTOR).fresh for scope in (NIGHT, *months)
    )


def review(database: Database, at: datetime, most: int) -> int:
    """Take some own findings some steps on; returns how many steps were taken."""
    return _review(database, _found(database, Source.OWN, most), OWN, at)


def keep_time(database: Database, stood: date, today: date) -> date:
    """Move the deadlines along with the days, so that a demonstration of long ago is not all overdue.

    Args:
        database: with findings.
        stood: the day for which the deadlines stand.
        today: the day that it really is.

    Returns:
        The day for which they stand now.
    """
    if today != stood:
        with database.writing_store() as connection:
            finding_deadlines.move(connection, today - stood)
    return today


def take_list(settings: Settings, database: Database, path: Path, at: datetime) -> int:
    """Write an invented list of the insurer, take it in, and answer some of it.

    Args:
        settings: of the service.
        database: with findings of our own.
        path: of the list.
        at: when it comes.

    Returns:
        How many findings it names.
    """
    write_list(path, _found(database, Source.OWN, 5 * LISTED)[::5])
    due = (at + timedelta(days=10)).date()
    taken = insurer_lists.take_in(
        database,
        path,
        audit_book(settings.audit.book),
        at_hand(None),
        hospital=settings.hospital,
        actor=FIRST,
        at=at,
        due=due,
    )
    if not taken.repeated:
        _review(database, _found(database, Source.INSURER, LISTED), INSURER, at + _HOUR)
    return taken.findings


def write_list(path: Path, listed: Sequence[Listed]) -> None:
    """A list as the insurer sends it: findings of ours, one of a rule we lack, one of no stay here."""
    rows = [
        [
            one.visit or "",
            one.finding.rule,
            rule_name(one.finding.book, one.finding.rule, "zh"),
            next(iter(one.finding.document.get("items") or ()), ""),
            "" if one.finding.day is None else one.finding.day.isoformat(),
            format(one.finding.amount, "f"),
            "智能审核疑点（虚构）",
        ]
        for one in listed
    ]
    if rows:
        visit, *_ = rows[0]
        rows.append([visit, "", "超标准收取床位费（虚构规则）", "", "", "35.00", "虚构"])
    rows.append(["ZY0000000000", "", "重复收费（虚构规则）", "", "", "12.00", "虚构"])
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([HEADER.split(","), *rows])


def _found(database: Database, source: Source, most: int) -> list[Listed]:
    listed, _, _ = findings.page(
        database, _asker(database, FIRST), Wanted(source=source, shadow=False), None, most
    )
    return listed


def _asker(database: Database, name: str) -> Asker:
    with database.reading() as connection:
        found = accounts.by_name(connection, name)
    if found is None:
        raise LookupError(name)
    return asker_of(Principal(account_id=found.id, name=found.name, role=found.role, via="session"))


def _review(
    database: Database, listed: Sequence[Listed], ways: Sequence[Sequence[Step]], at: datetime
) -> int:
    taken = 0
    for place, one in enumerate(listed):
        number = one.finding.id or 0
        when = at
        for name, action, was, said in ways[place % len(ways)]:
            asker = _asker(database, name)
            if findings.show(database, asker, number).listed.finding.state != was:
                break
            if action in {"object", "appeal"}:
                finding_evidence.attach(database, asker, number, "说明.txt", _PAPER, when)
            findings.step(
                database, asker, number, action, was, _said(said, one, action, when), when
            )
            when += _HOUR
            taken += 1
    return taken


def _said(said: Said, one: Listed, action: str, when: datetime) -> Said:
    """What is said, with what hangs on the finding: the department asked, the amount given back."""
    if action == "ask":
        until = when + timedelta(days=_ASKED[(one.finding.id or 0) % len(_ASKED)])
        department = one.finding.department or one.stay_department
        return Said(note=said.note, department=department, due=until)
    if action == "deduct":
        return Said(note=said.note, amount=one.finding.amount)
    return said
