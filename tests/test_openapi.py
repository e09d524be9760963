"""The OpenAPI document: whole, and kept by the service whatever it is sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi import checks as openapi_checks
from service_support import Service, service

from grouper.service.openapi import OPEN
from grouper.service.settings import Web

NEGATIVE = openapi_checks.negative_data_rejection
CHECKS: list[schemathesis.CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.response_headers_conformance,
    NEGATIVE,
]
ROLES = (("/api/v1/audit", "admin"), ("/api/v1/accounts", "admin"), ("/cds-services", "interface"))
OWN = ("/api/v1/session", "/api/v1/password")
"""Routes that need a session of their own; the tests of access have them."""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with service(tmp_path_factory.mktemp("openapi")) as found:
        found.stay()
        found.send(patient="P2", visit="")
        yield found


@pytest.fixture(scope="module")
def address(running: Service) -> Iterator[str]:
    """The app behind a port; its lifespan is the client's."""
    server = uvicorn.Server(
        uvicorn.Config(
            running.app, port=0, lifespan="off", log_config=None, access_log=False, ws="none"
        )
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def operations(running: Service) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in running.app.openapi()["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_every_operation_is_described_and_names_its_errors(running: Service) -> None:
    found = list(operations(running))
    assert len(found) > 35
    for path, method, operation in found:
        place = f"{method} {path}"
        assert operation["summary"], place
        assert {"400", "413", "429", "500", "503"} <= operation["responses"].keys(), place
        if "security" in operation:
            assert {"401", "403"} <= operation["responses"].keys(), place
        for status, answer in operation["responses"].items():
            if int(status) >= 400:
                assert answer["description"], place
                assert answer["content"], place
    unsigned = {(method, path) for path, method, operation in found if "security" not in operation}
    assert unsigned == {one for one in OPEN if "oidc" not in one[1]}
    assert "HTTPValidationError" not in str(running.app.openapi())


def test_the_pages_are_off_unless_asked_for(tmp_path: Path) -> None:
    with service(tmp_path, web=Web()) as closed:
        for path in ("/docs", "/redoc", "/openapi.json"):
            assert closed.client.get(path).status_code == 404


def role(path: str) -> str:
    return next((name for start, name in ROLES if path.startswith(start)), "office")


def exercise(
    operation: Any, mode: Any, address: str, session: requests.Session, examples: int
) -> set[int]:
    """Send what Hypothesis makes of an operation; returns the statuses that came."""
    seen: set[int] = set()
    headers = {"X-Test-Role": role(operation.path)}

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(mode))
    def send(case: Any) -> None:
        answer = case.call(base_url=address, session=session, headers=headers)
        seen.add(answer.status_code)
        # That something is not ready is what this one is for.
        checks = CHECKS[1:] if operation.path == "/health/ready" else CHECKS
        # Of a parameter that is given twice the last one counts, as FastAPI has it; an object goes
        # on its way as the parameter once for each of its keys.
        if any(isinstance(value, list | dict) for value in (case.query or {}).values()):
            checks = [check for check in checks if check is not NEGATIVE]
        case.validate_response(answer, checks=checks)

    with suppress(Unsatisfiable):  # nothing can be wrong where nothing is asked
        send()
    return seen


@pytest.mark.parametrize("examples", [1, pytest.param(100, marks=pytest.mark.slow)])
def test_whatever_is_sent_is_answered_as_described(
    running: Service, address: str, examples: int
) -> None:
    assert running.app.state.services.readiness.wait(60)
    schema = schemathesis.openapi.from_dict(running.app.openapi())
    seen: set[int] = set()
    faults = []
    with requests.Session() as session:
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path.startswith(OWN):
                continue
            for mode in schemathesis.GenerationMode:
                try:
                    seen |= exercise(operation, mode, address, session, examples)
                except FailureGroup as fault:  # all operations are told at once
                    faults.append(f"{operation.label} ({mode.value}): {fault}")
    assert not faults, "\n\n".join(faults)
    assert {200, 404, 422} <= seen
