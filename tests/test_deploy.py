"""The files of ``deploy/`` fit the code: commands, ports, limits, pins."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from typer.main import get_command

from grouper.cli import main as commands
from grouper.cli.service_commands import add_service
from grouper.service.settings import Settings

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service")) + sorted(DEPLOY.glob("*.timer"))
PROGRAM = "/opt/grouper/venv/bin/grouper"
ANALYZE = shutil.which("systemd-analyze")
OPEN = 2.0
"""The exposure that systemd reckons of 10 is not to be above this."""


def read(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


@pytest.mark.parametrize("unit", [one.name for one in UNITS if one.suffix == ".service"])
def test_units_start_commands_that_there_are(unit: str) -> None:
    import typer  # noqa: PLC0415 -- only here

    app = typer.Typer()
    add_service(app, [])
    known = get_command(app).commands  # type: ignore[attr-defined]
    said = re.findall(rf"{PROGRAM} ([a-z-]+)((?: --[a-z-]+)*)", read(unit))
    assert said
    for name, options in said:
        assert name in known
        given = {one for parameter in known[name].params for one in parameter.opts}
        assert set(options.split()) <= given


def test_the_backup_goes_where_it_may_write() -> None:
    unit = read("grouper-backup.service")
    (allowed,) = re.findall(r"^ReadWritePaths=(.*)$", unit, re.MULTILINE)
    assert "/var/backups/grouper" in shlex.split(allowed)
    assert "file=/var/backups/grouper/" in unit


def test_the_proxy_knows_the_ports_and_limits_of_the_service() -> None:
    nginx, settings = read("nginx.conf"), Settings()
    for port in (settings.web, settings.pages):
        assert f"server {port.host}:{port.port};" in nginx
    (most,) = re.findall(r"client_max_body_size\s+(\d+)m;", nginx)
    assert settings.web.body_limit < int(most) << 20 <= settings.web.body_limit * 1.1
    config = tomllib.loads((ROOT / "dashboards/.streamlit/config.toml").read_text("utf-8"))
    assert config["server"]["maxUploadSize"] < int(most)
    # What a client says of itself must never reach the service.
    proxy = read("grouper_proxy.conf")
    assert re.search(r"X-Forwarded-For\s+\$remote_addr;", proxy)
    assert "$proxy_add_x_forwarded_for" not in proxy


def test_what_a_hospital_runs_is_pinned() -> None:
    pins = dict(
        line.split("==")
        for line in read("constraints.txt").splitlines()
        if not line.startswith("#")
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = ("service", "dashboards", "forecast", "fhir", "msdrg", "spark")
    lines = project["dependencies"] + [
        line for extra in extras for line in project["optional-dependencies"][extra]
    ]
    for one in map(Requirement, lines):
        name = canonicalize_name(one.name)
        if name != canonicalize_name(project["name"]):
            assert Version(pins[name]) in one.specifier, name


def test_the_installer_is_plain_shell() -> None:
    subprocess.run(["/bin/sh", "-n", str(DEPLOY / "install.sh")], check=True)
    assert read("install.sh").startswith("#!/bin/sh\n")


@pytest.mark.slow
@pytest.mark.skipif(ANALYZE is None, reason="systemd-analyze is not installed")
def test_systemd_reads_the_units_and_finds_them_closed(tmp_path: Path) -> None:
    for unit in UNITS:
        # The program is installed nowhere here; that a command is there is asked above.
        written = unit.read_text("utf-8").replace(PROGRAM, "/bin/true")
        (tmp_path / unit.name).write_text(written, "utf-8")
    names = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run(
        [str(ANALYZE), "verify", "--man=no", *names], capture_output=True, text=True, check=False
    )
    # An unknown word of a unit is told and passed over: the status alone says nothing.
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    for name in names:
        if not name.endswith(".service"):
            continue
        done = subprocess.run(
            [str(ANALYZE), "security", "--offline=yes", "--no-pager", name],
            capture_output=True,
            text=True,
            check=False,
        )
        level = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
        assert level is not None, done.stderr
        assert float(level[1]) <= OPEN


def test_a_fault_of_the_settings_is_not_started_again() -> None:
    assert commands.EXIT_ERROR == 2, "RestartPreventExitStatus of the unit"
    assert "RestartPreventExitStatus=2" in read("grouper.service")
