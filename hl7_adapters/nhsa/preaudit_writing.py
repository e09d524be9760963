"""The answers to 3101, 3102 and 3103 in the shape of the interface.

Texts are cut to the length of the field tables; amounts are numbers with two decimals. The codes of
severity, class and state of the amount are our own lists (``data/preaudit_codes.csv``), for no public
one is known; a hospital puts its region's above them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from codebooks.messages import text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from grouper.intake.preaudit import Asked, AskedVisit, Refusal, Told, ToldLine
    from hl7_adapters.nhsa.preaudit_tables import PreauditTables

RESULT, DETAIL = "result", "judge_result_detail_dtos"
_DONE, _FAILED = "0", "-1"
_CUT = "…"


def write_answer(
    asked: Asked, told: Sequence[Told], remarks: Sequence[str], tables: PreauditTables
) -> bytes:
    """The answer to a request.

    Args:
        asked: the request.
        told: in the order in which they are shown.
        remarks: what was not judged, in words; they stand in ``warn_msg``.
        tables: codes, and how long a text may be.
    """
    task = uuid4().hex
    result = [_result(one, task, tables) for one in told]
    return _document(asked.reply, "", {RESULT: result}, warn="；".join(remarks))


def write_done(reply: str) -> bytes:
    """The answer when what became of findings was kept."""
    return _document(reply, "", {})


def write_refusal(refusal: Refusal) -> bytes:
    """The answer to what cannot be used: ``infcode`` -1, and in words what is wrong and to be done."""
    place = text("nhsa.place", place=refusal.place) if refusal.place else ""
    said = text(
        "nhsa.refusal",
        code=refusal.code,
        place=place,
        reason=refusal.what,
        advice=refusal.advice,
    )
    return _document(refusal.reply, said, {})


def _document(reply: str, error: str, output: dict[str, Any], warn: str = "") -> bytes:
    document = {
        "infcode": _FAILED if error else _DONE,
        "inf_refmsgid": reply,
        "err_msg": error,
        "warn_msg": warn,
        "output": output,
    }
    return orjson.dumps(document)


def _number(amount: Decimal) -> orjson.Fragment:
    """An amount as a JSON number with its two decimals; no binary fraction comes in between."""
    return orjson.Fragment(f"{amount:.2f}")


def _result(one: Told, task: str, tables: PreauditTables) -> dict[str, Any]:
    codes = tables.codes
    found = {
        "jr_id": one.key,
        "rule_id": one.rule,
        "rule_name": one.name,
        "vola_cont": one.content,
        "patn_id": one.visit.patient,
        "mdtrt_id": one.visit.visit,
        DETAIL: [_detail(one.key, line, one.visit, tables) for line in one.lines],
        "vola_amt": _number(one.amount),
        "vola_amt_stas": codes["vola_amt_stas", "reckoned"],
        "sev_deg": codes["sev_deg", one.level],
        "vola_evid": one.evidence,
        "vola_bhvr_type": codes["vola_bhvr_type", one.class_],
        "task_id": task,
    }
    return {name: _cut(RESULT, name, value, tables) for name, value in found.items()}


def _detail(key: str, line: ToldLine, visit: AskedVisit, tables: PreauditTables) -> dict[str, Any]:
    found = {
        "jrd_id": f"{key}-{line.name}",
        "patn_id": visit.patient,
        "mdtrt_id": visit.visit,
        "rx_id": line.name,
        "vola_item_type": tables.codes["vola_item_type", "at_fault"],
        "vola_amt": None if line.amount is None else _number(line.amount),
    }
    return {name: _cut(DETAIL, name, value, tables) for name, value in found.items()}


def _cut(node: str, name: str, value: Any, tables: PreauditTables) -> Any:  # noqa: ANN401 -- JSON
    most = tables.longest.get((node, name))
    if most is None or not isinstance(value, str) or len(value) <= most:
        return value
    return value[: most - 1] + _CUT
