"""The OpenAPI document: every error and how to sign in, for every operation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi

from grouper.service.problems import MEDIA_TYPE, Invalid, Problem

if TYPE_CHECKING:
    from fastapi import FastAPI

OPEN = frozenset(
    {
        ("get", "/health/live"),
        ("get", "/health/ready"),
        ("get", "/cds-services"),
        ("post", "/api/v1/session"),
        ("get", "/api/v1/sign-in/oidc"),
        ("get", "/api/v1/sign-in/oidc/back"),
    }
)
"""Operations that need no principal."""
_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "key of a system"},
    "session": {"type": "apiKey", "in": "cookie", "name": "grouper_session"},
}
_WORDS = {
    400: "The request cannot be read",
    401: "Signing in is needed",
    403: "Not allowed",
    404: "Not found",
    406: "No such form of answer",
    408: "It did not come whole in its time",
    409: "It does not stand so that this could be done",
    410: "Gone",
    413: "Too large",
    415: "A type that is not served",
    422: "Not as this document says, or it cannot be done with these values",
    429: "Too many",
    500: "A fault on our side",
    503: "Not now; try again",
}
_ALWAYS = (400, 413, 429, 500, 503)
_SIGNED = (401, 403)
_REF = "#/components/schemas/"


def document(app: FastAPI) -> dict[str, Any]:
    """The document of an app, with the answers of errors put in."""
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    for model in (Invalid, Problem):
        schema = model.model_json_schema(ref_template=_REF + "{model}")
        schema.pop("$defs", None)
        schemas[model.__name__] = schema
    found["components"]["securitySchemes"] = _SCHEMES
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            _complete(method, path, operation)
    return found


def _complete(method: str, path: str, operation: dict[str, Any]) -> None:
    statuses = {*_ALWAYS}
    if (method, path) not in OPEN:
        operation["security"] = [{name: []} for name in _SCHEMES]
        statuses |= {*_SIGNED}
    responses = operation["responses"]
    # FastAPI puts its own description of validation errors there.
    if "HTTPValidationError" in str(responses.get("422")):
        del responses["422"]
    if "requestBody" in operation:
        statuses |= {408}
    if operation.get("parameters") or "requestBody" in operation:
        statuses |= {422}
    if "{" in path or "requestBody" in operation or operation.get("parameters"):
        statuses |= {404, 409, 410, 415}
    for status in sorted(statuses):
        responses.setdefault(
            str(status),
            {
                "description": _WORDS[status],
                "content": {MEDIA_TYPE: {"schema": {"$ref": _REF + Problem.__name__}}},
            },
        )
