"""Answers to a batch of messages that came over REST in one piece."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from codebooks.messages import text
from grouper.intake.envelope import Verdict
from grouper.service.answers import json_answer
from grouper.service.form_answers import ACCEPTED
from grouper.service.problems import standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastapi import Response

    from grouper.intake.envelope import Receipt

SOME, NONE_STORED = 200, "NOT_STORED"


class PiecesMessage(BaseModel):
    """What became of one message of a batch."""

    message_id: int | None = Field(description="null: not stored")
    verdict: str = Field(description="AA, AE or AR")
    reason: str = Field(description="stable code; empty for AA")
    place: str = Field(description="where in the message; empty when that is not known")
    duplicate: bool = Field(description="the same message was stored before")


class PiecesCounts(BaseModel):
    """How many messages of a batch there are of each kind."""

    messages: int
    AA: int = Field(description="stored; will be applied in their turn")
    AE: int = Field(description="stored; wait in quarantine with their reasons")
    AR: int = Field(description="stored; of a type, version or character set that is not served")
    duplicates: int = Field(description="of all that are stored, those stored before")
    not_stored: int = Field(description="send the batch again: those that are stored are known")


class PiecesAnswer(BaseModel):
    """A body of several messages: each stored and answered by itself, in their order."""

    messages: list[PiecesMessage]
    counts: PiecesCounts
    text: str


def batch_answer(receipts: Sequence[Receipt], lang: str) -> Response:
    """The answer to a batch.

    202: all AA; 200: all stored, some AE or AR; 503: some are not stored.

    Args:
        receipts: of its messages, in their order.
        lang: of the words.
    """
    told = [
        {
            "message_id": receipt.message_id,
            "verdict": receipt.verdict.value,
            "reason": receipt.reason,
            "place": receipt.place,
            "duplicate": receipt.duplicate,
        }
        for receipt in receipts
    ]
    stored = [receipt for receipt in receipts if receipt.message_id is not None]
    counts = {
        "messages": len(receipts),
        **{v.value: sum(receipt.verdict is v for receipt in stored) for v in Verdict},
        "duplicates": sum(receipt.duplicate for receipt in stored),
        "not_stored": len(receipts) - len(stored),
    }
    status, word, headers = ACCEPTED, "stored", {}
    if len(stored) < len(receipts):
        missing = standing(NONE_STORED)
        status, word, headers = missing.status, "not_stored", {"Retry-After": missing.again}
    elif any(receipt.verdict is not Verdict.ACCEPTED for receipt in stored):
        status, word = SOME, "some"
    body = {"messages": told, "counts": counts, "text": text(f"batch_answer.{word}", lang)}
    return json_answer(body, lang, status, **headers)
