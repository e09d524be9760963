"""Answers to a message that came over REST: in the form's own words when the client wants them."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from fastapi import Response

from codebooks.messages import text
from codebooks.strict_csv import read_rows
from grouper.intake.envelope import Verdict
from grouper.service.answers import json_answer
from grouper.service.problems import problem, standing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from grouper.intake.envelope import Envelope, Receipt
    from grouper.intake.forms import Form

MESSAGES = "/api/v1/messages"
ACCEPTED, UNUSABLE = 202, 422


@cache
def media_types() -> Mapping[str, tuple[str, ...]]:
    """The media types of each form, from ``data/media_types.csv``.

    Raises:
        CodebookError: the table is not as it should be.
    """
    found: dict[str, tuple[str, ...]] = {}
    with as_file(files("grouper.service") / "data" / "media_types.csv") as path:
        for row in read_rows(path, ("form", "media_type", "source")):
            name = row.cells["form"]
            found[name] = (*found.get(name, ()), row.cells["media_type"])
    return found


def wanted(form: str, accept: str) -> str | None:
    """The media type of a form that an ``Accept`` header names; None: it names none."""
    asked = {part.partition(";")[0].strip().lower() for part in accept.split(",")}
    return next((known for known in media_types().get(form, ()) if known in asked), None)


def status_of(receipt: Receipt) -> int:
    """The HTTP status of a receipt: 202, 422 for what waits in quarantine, else by its reason."""
    if receipt.verdict is Verdict.ACCEPTED:
        return ACCEPTED
    if receipt.verdict is Verdict.UNUSABLE:
        return UNUSABLE
    return standing(receipt.reason).status


def answer(form: Form, envelope: Envelope, receipt: Receipt, accept: str, lang: str) -> Response:
    """The answer to a message.

    Args:
        form: that read it.
        envelope: of the message.
        receipt: of the inbox.
        accept: header of the request.
        lang: of the words.
    """
    status = status_of(receipt)
    headers = _headers(receipt)
    own = wanted(form.name, accept)
    if own is not None:
        return Response(form.answer(envelope, receipt), status, headers, own)
    if receipt.verdict is Verdict.ACCEPTED:
        body = {
            "message_id": receipt.message_id,
            "verdict": receipt.verdict.value,
            "duplicate": receipt.duplicate,
            "status": headers["Location"],
            "text": text("service.stored", lang),
        }
        return json_answer(body, lang, status, **headers)
    found = problem(
        receipt.reason,
        lang,
        {},
        status=status,
        title=text(f"service.status.{status}", lang),
        place=receipt.place,
        verdict=receipt.verdict.value,
        message_id=receipt.message_id,
    )
    found.status_code = status
    found.headers.update(headers)
    return found


def _headers(receipt: Receipt) -> dict[str, str]:
    again = standing(receipt.reason).again
    headers = {"Retry-After": again} if again and receipt.message_id is None else {}
    if receipt.message_id is not None:
        headers["Location"] = f"{MESSAGES}/{receipt.message_id}"
    return headers
