"""Health for those who start and watch the service, and metrics for Prometheus."""

from __future__ import annotations

from ipaddress import ip_address

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from grouper.service.access.principal import AccessError, Principal, Right, principal_of
from grouper.service.answers import json_answer
from grouper.service.context import Lang, services_of
from grouper.service.metrics import CONTENT_TYPE
from grouper.service.readiness import OK

router = APIRouter(tags=["health"])


class Live(BaseModel):
    """The process answers."""

    status: str


class Ready(BaseModel):
    """Whether all is there, and each check: ``ok`` or a word or code that says why not."""

    status: str
    checks: dict[str, str]


@router.get("/health/live")
async def live() -> Live:
    """The process answers; nothing else is asked."""
    return Live(status=OK)


@router.get("/health/ready", responses={200: {"model": Ready}, 503: {"model": Ready}})
def ready(request: Request, lang: Lang) -> Response:
    """Whether the service can do its work: schemes, database, its tables, the worker."""
    checks = services_of(request).readiness.checks()
    well = all(found == OK for found in checks.values())
    body = {"status": OK if well else "not_ready", "checks": checks}
    return json_answer(body, lang, 200 if well else 503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Counts in the text format of Prometheus; from this machine itself without signing in."""
    if not _from_here(request):
        principal: Principal = principal_of(request)
        if not principal.may(Right.METRICS):
            raise AccessError("NOT_ALLOWED", right=Right.METRICS.value)
    return Response(services_of(request).metrics.text(), headers={"Content-Type": CONTENT_TYPE})


def _from_here(request: Request) -> bool:
    """Whether the request comes from this machine and was forwarded by nobody."""
    if request.client is None or any(
        name in request.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip")
    ):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False
