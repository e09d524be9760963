"""What the physician is told of a stay: its group and why, what counted, what is missing or unclear.

A running stay is grouped and priced as if it ended today. No code is proposed, and nothing is said of
what another group would bring.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from codebooks.errors import CodebookError
from codebooks.messages import text
from grouper.payment.words import document as payment_document
from grouper.service import findings
from grouper.service.discharge_limits import discharge_limits
from grouper.service.findings import asker_of
from grouper.service.pricing import payment_of
from grouper.service.problems import ServiceError
from grouper.service.screening_answers import live_states
from grouper.service.tracing import regroup
from grouper.store.findings import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from grouper.case.issues import Issue
    from grouper.service.access.principal import Principal
    from grouper.service.stored import Stay
    from grouper.store.database import Database
    from grouper.store.findings import Listed

_UNBOUND = frozenset({"REGION_UNKNOWN", "SCHEME_UNCOVERED", "SCHEME_NOT_AT_HAND"})
"""Why no scheme binds a case; other faults of a codebook are none of the case."""


class Role(StrEnum):
    """What a code of the case did for its group."""

    PRINCIPAL = "principal"
    DECIDED = "decided"
    COUNTED = "counted"
    EXCLUDED = "excluded"
    NOT_GROUPING = "not_grouping"
    UNKNOWN = "unknown"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Coding:
    """A diagnosis or procedure of the case.

    Attributes:
        kind: ``diagnosis`` or ``procedure``.
        code: as written; empty: the principal one is missing.
        name: empty when no code set knows it.
        role: what it did.
        level: ``MCC`` or ``CC`` of what counted or was excluded, else empty.
        table: the exclusion table, else empty.
    """

    kind: str
    code: str
    name: str
    role: Role
    level: str = ""
    table: str = ""


@dataclass(frozen=True, slots=True)
class Remark:
    """What is missing, contradicts or is unclear: in words, and what to do."""

    words: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """A line of why: the row that held, its rule, the codes that met it, and its place.

    Attributes:
        code: of the row.
        name: likewise.
        rule: as the book has it; empty: it always holds.
        words: the rule in words.
        found: codes that met it.
        sheet: of the official document; None: the book does not say.
        row: likewise.
    """

    code: str
    name: str
    rule: str
    words: str
    found: tuple[str, ...]
    sheet: str | None
    row: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Discharge:
    """What is told.

    Attributes:
        scheme: id; empty where none could be chosen.
        document: the trace (``docs/TRACE.md``); None where there is no scheme.
        reason: stable code of why there is none.
        payment: the document of the payment; None: no policy is at hand.
    """

    scheme: str = ""
    document: Mapping[str, Any] | None = None
    reason: str | None = None
    payment: Mapping[str, Any] | None = None

    @property
    def group(self) -> str | None:
        """Code of the group that a case was put into; None: into none."""
        if self.document is None or self.document["result"]["status"] != "grouped":
            return None
        group = self.document["result"]["group"]
        return None if group is None else str(group["code"])


def at_discharge(database: Database, stay: Stay, region: str, lang: str, at: datetime) -> Discharge:
    """What is told of a stay in its version.

    Args:
        database: the store.
        stay: within the asker's reach.
        region: of a case that names none.
        lang: of the texts.
        at: the present; a running stay is priced as if it ended then.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
        CodebookError: the scheme of the stored grouping cannot be used any more.
    """
    try:
        grouping = regroup(stay, None, region)
    except ServiceError as error:
        bound = next((one.reason for one in stay.groupings if one.binding), None)
        return Discharge(reason=bound or error.code)
    except CodebookError as error:
        if error.code not in _UNBOUND:
            raise
        return Discharge(reason=error.code)
    payment = payment_of(database, stay, region, at)
    return Discharge(
        scheme=grouping.scheme,
        document=grouping.trace.document(lang),
        payment=None if payment.policy is None else payment_document(payment, lang),
    )


def why(document: Mapping[str, Any]) -> list[Reason]:
    """The rows that led to the group, the first first; none of a case that is refused."""
    return [
        Reason(
            step["code"],
            step["name"],
            step["rule"],
            (step["held_by"] or step)["words"],
            tuple(dict.fromkeys(_found(step))),
            step["sheet"],
            step["source_row"],
        )
        for step in document["path"]
    ]


def _found(step: Mapping[str, Any]) -> Iterator[str]:
    for one in (step["held_by"] or {}).get("evidence", ()):
        if one["holds"] and one["found"]:
            yield from str(one["found"]).replace(",", " ").split()


def codings(document: Mapping[str, Any]) -> list[Coding]:
    """The codes of the case in their order, each with what it did."""
    complications = {one["code"]: one for one in document["complications"]}
    idle = {one["code"] for one in document["not_grouping"]}
    decided = {code for step in document["path"] for code in _found(step)}
    found = []
    for kind in ("diagnosis", "procedure"):
        listed = document["case"]["diagnoses" if kind == "diagnosis" else "procedures"]
        for place, one in enumerate(listed):
            code, name = one["code"], one["name"]
            told = complications.get(code) if kind == "diagnosis" and place else None
            level = table = ""
            if not name:
                role = Role.UNKNOWN
            elif kind == "diagnosis" and place == 0:
                role = Role.PRINCIPAL
            elif told is not None:
                role = Role.COUNTED if told["counts"] else Role.EXCLUDED
                level = told["level"]
                table = "" if told["counts"] else told["exclusion"] or ""
            elif kind == "procedure" and code in idle:
                role = Role.NOT_GROUPING
            else:
                role = Role.DECIDED if code in decided else Role.NONE
            found.append(Coding(kind, code, name, role, level, table))
    return found


def remarks(told: Discharge, issues: Sequence[Issue], lang: str) -> list[Remark]:
    """What is missing, contradicts or is unclear; what keeps the case from its group first."""
    return [*_of_grouping(told, lang), *(_of_issue(one, lang) for one in issues)]


def _of_grouping(told: Discharge, lang: str) -> Iterator[Remark]:
    if told.document is None:
        yield Remark(text(f"reason.{told.reason}", lang), text(f"advice.{told.reason}", lang))
        return
    result = told.document["result"]
    if result["reason"]:
        yield Remark(result["reason_text"], result["advice"] or "")
    for warning in told.document["warnings"]:
        words = f"{warning['text']} {' '.join(warning['codes'])}".strip()
        yield Remark(words, text(f"advice.{warning['reason']}", lang))


def _of_issue(issue: Issue, lang: str) -> Remark:
    label = text(f"case.label.{issue.field}", lang) if issue.field else ""
    words = f"{label} {text(f'reason.{issue.reason}', lang)} {issue.value}".strip()
    return Remark(words, text(f"advice.{issue.reason}", lang))


def standing_findings(
    database: Database, principal: Principal, case_id: str
) -> tuple[list[Listed], bool]:
    """The live findings of a stay that the asker may see, and whether there are more.

    Raises:
        StoreError: ``STORE_UNAVAILABLE``.
    """
    wanted = Wanted(case_id=case_id, states=live_states(), shadow=False, gone=False)
    most = discharge_limits().most_findings
    found, following, _ = findings.page(database, asker_of(principal), wanted, None, most)
    return found, following is not None
