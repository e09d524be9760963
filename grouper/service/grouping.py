"""A case that was handed in, read, grouped and put into words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.errors import GrouperError
from codebooks.messages import text
from grouper.case.issues import Severity
from grouper.case.layout import bind
from grouper.case.record import Case
from grouper.run.one_case import grouping_of, kind_of
from grouper.service.models import TraceForm
from grouper.service.problems import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grouper.case.issues import Issue
    from grouper.schemes.protocol import Grouping
    from grouper.schemes.trace import Trace


def read_case(raw: Mapping[str, Any], scheme: str | None, lang: str) -> tuple[Case, list[Issue]]:
    """The case of a mapping of input names to raw values.

    Args:
        raw: as ``docs/CASE.md`` names them.
        scheme: a case that does not state its kind is of the first kind that this scheme serves.
        lang: of the issues, when the case is refused.

    Raises:
        ServiceError: ``CASE_UNREADABLE``, with its issues.
        CodebookError: ``SCHEME_UNKNOWN``.
    """
    if scheme is not None and not any(b.field == "kind" for b in bind(tuple(raw)).bindings):
        raw = {**raw, "kind": kind_of(None, scheme)}
    case, issues = Case.from_mapping(raw)
    rejects = [issue.reason for issue in issues if issue.severity is Severity.REJECT]
    if rejects:
        told = issues_out(issues, lang)
        raise ServiceError("CASE_UNREADABLE", {"issues": told}, reasons=", ".join(rejects))
    return case, issues


def issues_out(issues: Sequence[Issue], lang: str) -> list[dict[str, str]]:
    """Issues with their words, as :class:`grouper.service.models.IssueOut`."""
    return [
        {
            "field": issue.field,
            "label": text(f"case.label.{issue.field}", lang) if issue.field else "",
            "code": issue.reason,
            "severity": issue.severity.value,
            "text": text(f"reason.{issue.reason}", lang),
            "advice": text(f"advice.{issue.reason}", lang),
            "value": issue.value,
        }
        for issue in issues
    ]


def grouping_out(
    grouping: Grouping, content_hash: str, document: Mapping[str, Any]
) -> dict[str, Any]:
    """A grouping with its words, as :class:`grouper.service.models.GroupingOut`.

    Args:
        grouping: the answer of a scheme.
        content_hash: of the scheme's rules.
        document: its trace in the language wanted.
    """
    result = document["result"]
    return {
        "scheme": grouping.scheme,
        "content_hash": content_hash,
        "status": result["status"],
        "status_text": result["status_text"],
        "reason": result["reason"],
        "reason_text": result["reason_text"],
        "advice": result["advice"],
        "warnings": [
            {"code": one["reason"], "text": one["text"], "codes": list(one["codes"])}
            for one in document["warnings"]
        ],
        "mdc": result["mdc"],
        "adrg": result["adrg"],
        "group": result["group"],
        "cc_level": grouping.cc_level,
        "group_kind": grouping.group_kind,
        "weight": None if grouping.weight is None else format(grouping.weight, "f"),
    }


def trace_out(trace: Trace, form: TraceForm, document: dict[str, Any], lang: str) -> Any:  # noqa: ANN401 -- JSON
    """A trace in the form asked for: the document itself, a text, or None."""
    if form is TraceForm.JSON:
        return document
    if form is TraceForm.TEXT:
        return trace.text(lang)
    return trace.html(lang) if form is TraceForm.HTML else None


def group_out(
    raw: Mapping[str, Any],
    scheme: str | None,
    region: str,
    lang: str,
    form: TraceForm = TraceForm.NONE,
) -> dict[str, Any]:
    """A case handed in, grouped: as :class:`grouper.service.models.GroupAnswer`.

    Args:
        raw: as for :func:`read_case`.
        scheme: id of a scheme, or None for the one that binds.
        region: of a case that names none.
        lang: of the texts.
        form: of the trace.

    Raises:
        GrouperError: as :func:`read_case` and :func:`grouper.run.one_case.grouping_of`.
    """
    case, issues = read_case(raw, scheme, lang)
    grouping = grouping_of(case, scheme, region)
    document = grouping.trace.document(lang)
    answer = {
        "case_id": case.case_id,
        "grouping": grouping_out(grouping, document["scheme"]["content_sha256"], document),
        "issues": issues_out(issues, lang),
    }
    if form is not TraceForm.NONE:
        answer["trace"] = trace_out(grouping.trace, form, document, lang)
    return answer


def batch_item(
    raw: Mapping[str, Any], scheme: str | None, region: str, lang: str
) -> dict[str, Any]:
    """As :func:`group_out`; an error stands in the item and stops no other case."""
    try:
        return group_out(raw, scheme, region, lang)
    except GrouperError as error:
        issues = error.more.get("issues", []) if isinstance(error, ServiceError) else []
        return {
            "case_id": None,
            "grouping": None,
            "issues": issues,
            "error": {
                "code": error.code,
                "detail": text(f"error.{error.code}", lang, **error.params),
                "advice": text(f"hint.{error.code}", lang, **error.params),
            },
        }
