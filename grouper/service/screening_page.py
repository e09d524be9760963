"""A page of persons screened: their stays judged, what was found as rows of the store."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import structlog

from grouper.audit.engine import audit
from grouper.audit.planning import SHADOW, TRIAL, on_trial
from grouper.audit.review.deadlines import due_of
from grouper.audit.review.documents import plain
from grouper.audit.review.whitelisting import matching
from grouper.audit.screening import screen
from grouper.case.dates import LOCAL
from grouper.service.screening_beside import context_of
from grouper.service.screening_gaps import Gaps, unknown_rules
from grouper.service.screening_reading import UNREADABLE, Read, mask_of, read_stay, sources_of
from grouper.store.findings import FindingRow
from grouper.store.screenings import Seen
from grouper.store.states import FindingState, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from grouper.audit.planning import NotRun
    from grouper.service.screening_beside import Beside
    from grouper.service.screening_choice import Chosen
    from grouper.service.screening_rules import Rules
    from grouper.store.database import Writing as Reading
    from grouper.store.screening_due import Near

RAISED_BY = "screening"
"""Who raises a finding of the program's own."""
_ALL_FAIL = 3
"""Where so many persons fail and no one is screened, it is no matter of the cases."""
_NAME = 128
"""Characters of a department's or physician's name in a row; the document has them whole."""
_log = structlog.get_logger("grouper.screening")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How a page is asked.

    Attributes:
        rules: as they stand here.
        moment: ``stay`` or ``upload``.
        beside: what is known beside cases and book.
        at: when the findings are found.
    """

    rules: Rules
    moment: str
    beside: Beside
    at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """The stays of a person (or one that stands alone) as they were read.

    Attributes:
        judged, beside: that could be read.
        failed: stays to be judged that could not, each with its reason.
        unread: how many of those beside could not.
    """

    judged: tuple[Read, ...]
    beside: tuple[Read, ...]
    failed: tuple[tuple[Near, str], ...]
    unread: int


@dataclass(slots=True)
class Page:
    """What a page came to.

    Attributes:
        rows: findings.
        seen: every stay that was to be judged.
        counts: of cases and lines.
        asked: the rules of which it can be said what they found; None: nothing was screened.
    """

    rows: list[FindingRow] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    asked: frozenset[str] | None = None


def read_person(connection: Reading, chosen: Chosen) -> Person:
    """Read the stays of a person.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    judged, failed = [], []
    for near in chosen.judged:
        found = read_stay(connection, near)
        if isinstance(found, Read):
            judged.append(found)
        else:
            failed.append((near, found))
    beside = [read_stay(connection, near) for near in chosen.beside] if judged else []
    good = tuple(one for one in beside if isinstance(one, Read))
    return Person(tuple(judged), good, tuple(failed), len(beside) - len(good))


def judge(persons: Sequence[Person], asking: Asking, gaps: Gaps) -> Page:
    """Screen the stays of persons; a person whose screening fails stops no other.

    Args:
        persons: as they were read.
        asking: how.
        gaps: takes in what could not be asked.

    Raises:
        Exception: what went wrong, where every one of several persons fails.
    """
    page = Page()
    page.seen += [_seen(near, why) for one in persons for near, why in one.failed]
    page.counts["beside_unread"] += sum(one.unread for one in persons)
    asked = [one for one in persons if one.judged]
    errors: list[Exception] = []
    done = 0
    for some in _halved(asked, asking, gaps, page, errors):
        done += some
    if errors and not done and len(errors) >= _ALL_FAIL:
        raise errors[-1]
    page.counts["failed"] += sum(one.reason is not None for one in page.seen)
    return page


def _halved(
    persons: Sequence[Person],
    asking: Asking,
    gaps: Gaps,
    page: Page,
    errors: list[Exception],
) -> Iterator[int]:
    """Screen together; after an error in halves, until those that fail stand alone."""
    if not persons:
        return
    try:
        _together(persons, asking, gaps, page)
    except Exception as error:  # noqa: BLE001 -- found out person by person
        # By its type alone: its words may hold values of a case.
        _log.warning("screening", error=type(error).__name__, persons=len(persons))
        if len(persons) == 1:
            errors.append(error)
            page.seen += [_seen(read.near, UNREADABLE) for read in persons[0].judged]
            return
        middle = len(persons) // 2
        yield from _halved(persons[:middle], asking, gaps, page, errors)
        yield from _halved(persons[middle:], asking, gaps, page, errors)
    else:
        yield len(persons)


def _together(persons: Sequence[Person], asking: Asking, gaps: Gaps, page: Page) -> None:
    rules = asking.rules
    reads = [read for one in persons for read in (*one.judged, *one.beside)]
    judged = {read.case.case_id or "": read for one in persons for read in one.judged}
    sources = sources_of(reads)
    mask = mask_of(reads, (read.near.id for read in judged.values()))
    beside = asking.beside
    context = context_of(beside, rules, sources.cases, mask, asking.moment)
    found = screen(sources, rules.book, context=context, judged=mask, region=beside.region)
    findings = [(row, row["rule"] in rules.quiet) for row in found.audited.findings.to_pylist()]
    absent = [*found.audited.not_run]
    if rules.apart is not None:
        more = audit(
            sources.cases,
            sources.charges,
            rules.apart,
            context=replace(context, rules=rules.apart_rules, shadow=True),
            judged=mask,
        )
        findings += _apart(more.findings.to_pylist(), rules)
        trial = rules.apart_rules & on_trial()
        absent = [
            one for one in absent if one.rule not in rules.apart_rules or not _apart_from(one)
        ]
        absent += [one for one in more.not_run if one.rule in trial]
    # Only now, for all of it or none counts.
    gaps.add(absent, found.unasked, rules.off)
    page.rows += [
        _row(row, judged[row["case_id"]], asking, shadow=quiet) for row, quiet in findings
    ]
    page.seen += [_seen(read.near) for read in judged.values()]
    page.counts.update(found.audited.counts)
    known = rules.at(asking.moment) - unknown_rules(absent)
    page.asked = known if page.asked is None else page.asked & known


def _apart(found: Sequence[dict[str, Any]], rules: Rules) -> Iterator[tuple[dict[str, Any], bool]]:
    """The findings of what is asked apart, and whether each is in shadow."""
    for row in found:
        if row["row"] in rules.shadow_rows.get(row["rule"], ()):
            yield row, True
        elif row["rule"] in on_trial():
            yield row, row["rule"] in rules.quiet


def _apart_from(one: NotRun) -> bool:
    return one.reason in {SHADOW, TRIAL}


def _seen(near: Near, reason: str | None = None) -> Seen:
    return Seen(near.id, near.version, near.person_id, reason)


def _row(row: Mapping[str, Any], read: Read, asking: Asking, *, shadow: bool) -> FindingRow:
    rules = asking.rules
    document = plain(row)
    document["line_names"] = [read.names[number] for number in row["lines"]]
    day = row["day"] or asking.at.astimezone(LOCAL).date()
    dx = [code for code in read.case.dx if code]
    return FindingRow(
        key=row["finding"],
        source=Source.OWN,
        moment=asking.moment,
        stay_id=read.near.id,
        version=read.near.version,
        rule=row["rule"],
        row=row["row"],
        book=row["book"],
        book_hash=rules.book.content_sha256,
        level=row["level"],
        department=_cut(row["department"]),
        physician=_cut(row["physician"]),
        day=row["day"],
        amount=row["amount"],
        document=document,
        shadow=shadow,
        whitelist_id=matching(rules.exceptions, document, dx, day),
        raised_by=RAISED_BY,
        due=due_of(FindingState.NEW, row["level"], asking.at),
    )


def _cut(name: str | None) -> str | None:
    return None if name is None else name[:_NAME]
