"""The audit as ``make demo`` shows it: what the command finds, told in words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from grouper.cli.audit_commands import add_audit
from grouper.demo.audit import show
from grouper.demo.hospital.build import make_hospital
from grouper.demo.hospital.plan import make_plan
from grouper.demo.hospital_month import MONTH


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a demonstration with a small hospital in it."""
    folder = tmp_path_factory.mktemp("audit")
    plan = make_plan(MONTH, 1, 20250101, 0.1, region="demo", scheme="dip-pingdingshan-2025")
    make_hospital(folder / "hospital", plan)
    return folder


def test_it_tells_what_the_command_finds(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    show(out)
    said = capsys.readouterr().out
    app = typer.Typer()
    app.callback()(lambda: None)
    add_audit(app, ["audit"])
    words = ["audit", MONTH, str(out / "hospital"), "--region", "demo", "--format", "json"]
    found = CliRunner().invoke(app, words)
    findings = json.loads(found.output)["findings"]
    assert findings
    assert f"发现 {len(findings)} 条" in said
    dearest = sorted(findings, key=lambda one: (-float(one["amount"]), one["finding"]))[:5]
    places = [said.index("\n".join(one["words"])) for one in dearest]
    assert places == sorted(places)
    assert said.index("金额最高的 5 条") < places[0]
    for name in ("政策类规则", "管理类规则", "编码类规则"):
        assert f"\n{name}：" in said
    assert said.rstrip().splitlines()[-1].startswith("另有 ")
