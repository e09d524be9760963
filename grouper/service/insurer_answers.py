"""The insurer's lists as they are shown, and as they are answered: in the order of their own rows."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.audit.insurer.recall import Compared, Seen, recall
from grouper.audit.insurer.rules import is_external
from grouper.audit.review.promotion import asked, standing_of
from grouper.audit.review.tables import steps
from grouper.payment.settlement.files import Sheet, write_result
from grouper.service.finding_answers import word
from grouper.service.insurer_lists import by_stay, own_finding
from grouper.service.problems import ServiceError
from grouper.store import finding_batches
from grouper.store.rule_standings import standings
from grouper.store.states import Source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from codebooks.audit.books import AuditBook
    from grouper.service.insurer_lists import Taken
    from grouper.store.database import Database, Writing
    from grouper.store.finding_batches import Answered, Batch, BatchRow

_REASONS = 500
"""Rows with a reason that are shown; the file of answers has all."""
_OPINIONS = ("gives", "anew")
_PLACES = ("sheet", "row")
_ANSWERS = ("state", "opinion", "note", "evidence", "deduction", "own", "reason")


def taken_out(taken: Taken, lang: str) -> dict[str, Any]:
    """What became of a list, as JSON with the words of its reasons."""
    return {
        "batch": taken.batch_id,
        "repeated": taken.repeated,
        "rows": taken.rows,
        "unread": taken.unread,
        "findings": taken.findings,
        "fresh": taken.fresh,
        "matched": taken.matched,
        "own": taken.own,
        "external": taken.external,
        "reasons": _reasons(taken.reasons, lang),
        "unkept": list(taken.unkept),
        "total_agrees": taken.total,
    }


def batch_out(batch: Batch, lang: str) -> dict[str, Any]:
    """A list as JSON."""
    return {
        "id": batch.id,
        "at": batch.at.isoformat(),
        "actor": batch.actor,
        "name": batch.name,
        "sha256": batch.sha256,
        "hospital": batch.hospital,
        "due": None if batch.due is None else batch.due.isoformat(),
        "rows": batch.rows,
        "unread": batch.unread,
        "matched": batch.matched,
        "findings": batch.about["findings"],
        "own": batch.about["own"],
        "external": batch.about["external"],
        "unkept": batch.about["unkept"],
        "total_agrees": batch.about["total"],
        "reasons": _reasons(batch.about["reasons"], lang),
    }


def listing(database: Database, before: int | None, limit: int) -> tuple[list[Batch], int | None]:
    """A page of lists, the newest first, and where the next one begins.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        found = finding_batches.page(connection, before, limit + 1)
    shown = found[:limit]
    return shown, shown[-1].id if len(found) > limit else None


def shown(database: Database, number: int, book: AuditBook, lang: str) -> dict[str, Any]:
    """A list with what became of it: states, rows with a reason, and the recall by rule.

    Raises:
        ServiceError: ``FINDING_BATCH_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        batch = _batch(connection, number)
        found = list(finding_batches.findings_of(connection, number).values())
        kept = finding_batches.kept_back(connection, number, _REASONS)
        reasons = finding_batches.reasons(connection, number)
        compared = list(_compared(connection, batch, found, book))
    states = Counter(one.state for one in found)
    return batch_out(batch, lang) | {
        "reasons": _reasons(reasons, lang),
        "states": [
            {"state": state, "name": word("state", state, lang), "findings": count}
            for state, count in sorted(states.items())
        ],
        "closed": sum(one.closed is not None for one in found),
        "kept_back": [_kept(one, lang) for one in kept],
        "recall": [_recall(one, book, lang) for one in recall(compared)],
    }


def compared(database: Database, number: int, book: AuditBook) -> list[Compared]:
    """The findings of a list beside our own.

    Raises:
        ServiceError: ``FINDING_BATCH_UNKNOWN``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    with database.reading() as connection:
        batch = _batch(connection, number)
        found = finding_batches.findings_of(connection, number).values()
        return list(_compared(connection, batch, list(found), book))


def _batch(connection: Writing, number: int) -> Batch:
    batch = finding_batches.one(connection, number)
    if batch is None:
        raise ServiceError("FINDING_BATCH_UNKNOWN")
    return batch


def _compared(
    connection: Writing, batch: Batch, found: Sequence[Answered], book: AuditBook
) -> Iterable[Compared]:
    own = by_stay(finding_batches.own_of(connection, [one.stay_id for one in found if one.stay_id]))
    given = standings(connection, book.id)
    for one in found:
        seen = _without_ours(one, book, given)
        mine = own.get(one.stay_id or 0, [])
        told = own_finding(one.document, one.rule, [each for each in mine if not each.shadow])
        if told is not None:
            seen = Seen.BEFORE if told.first_seen < batch.at else Seen.AFTER
        elif own_finding(one.document, one.rule, mine) is not None:
            seen = Seen.SHADOW
        yield Compared(one.rule, seen, one.amount)


def _without_ours(one: Answered, book: AuditBook, given: Mapping[str, str]) -> Seen:
    """Why our screening has not found something."""
    if one.stay_id is None:
        return Seen.NO_STAY
    rule = None if is_external(one.rule) else book.rules.get(one.rule)
    if rule is None:
        return Seen.NO_RULE
    if rule.template is None or not asked(standing_of(rule, given)):
        return Seen.NOT_ASKED
    return Seen.NOT_FOUND


def answers(database: Database, number: int, path: Path, lang: str) -> Batch:
    """Write a list with its answers: its own columns, and what the review says, row by row.

    Columns that name persons are empty, and so are those whose meaning is not known: their cells
    were never kept.

    Args:
        database: the store.
        number: of the list.
        path: ``.xlsx`` or ``.csv`` (then the first sheet alone).
        lang: language of the words.

    Returns:
        The list.

    Raises:
        ServiceError: ``FINDING_BATCH_UNKNOWN``.
        OutputError: ``OUTPUT_FORMAT``, ``OUTPUT_FAILED``.
        StoreError: ``STORE_UNAVAILABLE``.
    """
    actions = sorted(
        {
            one.action
            for one in steps()
            if Source.INSURER in one.sources and one.opinion in _OPINIONS
        }
    )
    with database.reading() as connection:
        batch = _batch(connection, number)
        found = finding_batches.findings_of(connection, number)
        notes = finding_batches.notes_of(connection, number, actions)
        rows = list(finding_batches.rows_of(connection, number))
    sheets = []
    for at, header in enumerate(batch.header, 1):
        own = [row for row in rows if row.sheet == header["sheet"]]
        head = [text(f"insurer.{one}", lang) for one in _PLACES] + list(header["names"])
        head += [text(f"insurer.answer.{one}", lang) for one in _ANSWERS]
        lines = [
            [row.sheet or "", str(row.row), *row.cells, *_answer(row, found, notes, lang)]
            for row in own
        ]
        sheets.append(
            Sheet(header["sheet"] or text("insurer.sheet_name", lang, number=at), head, lines)
        )
    write_result(path, batch_out(batch, lang), [], sheets)
    return batch


def _answer(
    row: BatchRow,
    found: Mapping[str, Answered],
    notes: Mapping[str, tuple[str, str]],
    lang: str,
) -> list[str]:
    one = found.get(row.key or "")
    reason = "" if row.reason is None else text(f"reason.{row.reason}", lang)
    if one is None:
        return [""] * (len(_ANSWERS) - 1) + [reason]
    action, note = notes.get(one.key, ("", ""))
    own = one.document.get("own_finding")
    return [
        word("state", one.state, lang),
        word("action", action, lang) if action else "",
        note,
        text("insurer.comma", lang).join(one.files),
        "" if one.deduction is None else f"{one.deduction:f}",
        "" if own is None else str(own),
        reason,
    ]


def _reasons(found: Mapping[str, int], lang: str) -> list[dict[str, Any]]:
    return [
        {
            "code": code,
            "text": text(f"reason.{code}", lang),
            "advice": text(f"advice.{code}", lang),
            "rows": count,
        }
        for code, count in sorted(found.items())
    ]


def _kept(row: BatchRow, lang: str) -> dict[str, Any]:
    code = row.reason or ""
    return {
        "sheet": row.sheet,
        "row": row.row,
        "code": code,
        "text": text(f"reason.{code}", lang),
        "finding": row.key is not None,
    }


def _recall(row: dict[str, Any], book: AuditBook, lang: str) -> dict[str, Any]:
    rule = book.rules.get(row["rule"] or "")
    return row | {"name": rule.name(lang) if rule else row["rule"]}
