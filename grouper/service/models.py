"""What the service takes and answers, as the OpenAPI document shows it.

Answers that carry a trace are written by hand for speed and only described by these models; the
tests hold the two together.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

_CASE: Any = {
    "case_id": "D0001",
    "sex": "1",
    "age": 66,
    "admission_time": "2026-02-20",
    "discharge_time": "2026-03-01",
    "dx": ["I21.001", "I50.900x007", "E11.900"],
    "px": ["36.0601"],
    "total_cost": "52000.00",
}


class TraceForm(StrEnum):
    """Whether the answer carries the trace, and how."""

    NONE = "none"
    JSON = "json"
    TEXT = "text"
    HTML = "html"


class PageForm(StrEnum):
    """How a trace or a comparison is written."""

    JSON = "json"
    TEXT = "text"
    HTML = "html"


class Asked(BaseModel):
    """A body that is refused when it has a name we do not know."""

    model_config = ConfigDict(extra="forbid")


class _Choice(Asked):
    scheme: str | None = Field(
        default=None, max_length=64, description="id of a scheme; absent: the one that binds"
    )
    region: str | None = Field(
        default=None,
        max_length=64,
        description="pooling region of the hospital, for a case that names none; absent: that of the settings",
    )


class GroupRequest(_Choice):
    """One case to be grouped."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"case": _CASE, "trace": "json"}}
    )

    case: dict[str, Any] = Field(
        max_length=2000,
        description="the case by the input names of docs/CASE.md; values as text or typed",
    )
    trace: TraceForm = TraceForm.NONE


class ExplainRequest(_Choice):
    """One case to be explained."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"case": _CASE, "format": "text"}}
    )

    case: dict[str, Any] = Field(max_length=2000, description="as for grouping")
    format: PageForm = PageForm.JSON


class CompareRequest(Asked):
    """One case under two schemes."""

    model_config = ConfigDict(
        extra="forbid",
        populate_by_name=True,
        json_schema_extra={"example": {"case": _CASE, "from": "chs-drg-2.0", "to": "chs-drg-3.0"}},
    )

    case: dict[str, Any] = Field(max_length=2000, description="as for grouping")
    first: str = Field(alias="from", max_length=64, description="id of a scheme, or auto")
    second: str = Field(alias="to", max_length=64, description="id of a scheme, or auto")
    region: str | None = Field(default=None, max_length=64, description="as for grouping")
    format: PageForm = PageForm.JSON


class BatchRequest(_Choice):
    """Several cases; a larger file is a job."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"cases": [_CASE]}})

    cases: list[dict[str, Any]] = Field(min_length=1, max_length=1000)


class Named(BaseModel):
    """A code with its name; the name is empty where there is none."""

    code: str
    name: str


class WarningOut(BaseModel):
    """A warning beside a group."""

    code: str
    text: str
    codes: list[str] = Field(description="the codes it speaks of, as written")


class IssueOut(BaseModel):
    """What is wrong with a value of the case."""

    field: str = Field(description="field of the case, or empty")
    label: str
    code: str
    severity: str = Field(description="reject or warning")
    text: str
    advice: str
    value: str = Field(description="what was found, without anything that may name a person")


class GroupingOut(BaseModel):
    """A grouping; codes are stable, texts are in the language asked for."""

    scheme: str
    content_hash: str = Field(description="hash of the scheme's rules")
    status: str = Field(description="grouped, ambiguous, ungrouped or invalid")
    status_text: str
    reason: str | None = Field(description="stable code when not plainly grouped")
    reason_text: str | None
    advice: str | None
    warnings: list[WarningOut]
    mdc: Named | None
    adrg: Named | None
    group: Named | None
    cc_level: str | None
    group_kind: str | None
    weight: str | None = Field(description="what the scheme itself gives, in its own unit")


class GroupAnswer(BaseModel):
    """A case grouped."""

    case_id: str | None
    grouping: GroupingOut
    issues: list[IssueOut]
    trace: dict[str, Any] | str | None = Field(
        default=None, description="the document of docs/TRACE.md, or its text or HTML"
    )


class PriceRequest(_Choice):
    """One case to be grouped and priced."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "case": {**_CASE, "insurance_type": "310", "discharge_time": "2024-03-01"},
                "region": "harbin",
            }
        },
    )

    case: dict[str, Any] = Field(max_length=2000, description="as for grouping")


class PriceAnswer(BaseModel):
    """A case grouped and priced."""

    case_id: str | None
    grouping: GroupingOut
    payment: dict[str, Any] = Field(description="the document of docs/PAYMENT.md")
    issues: list[IssueOut]


class BatchItem(BaseModel):
    """One case of a batch: its grouping, or the error that kept it from being grouped."""

    case_id: str | None
    grouping: GroupingOut | None
    issues: list[IssueOut]
    error: dict[str, str] | None = Field(default=None, description="code, detail and advice")


class BatchAnswer(BaseModel):
    """The cases of a batch in their order."""

    results: list[BatchItem]


class CompareAnswer(BaseModel):
    """A case on both sides (docs/COMPARE.md), and what differs in a few lines."""

    comparison: dict[str, Any]
    conclusions: list[str]
    issues: list[IssueOut]
