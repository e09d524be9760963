"""The built wheel, installed alone and used from another directory."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*build, str(ROOT)], check=True, capture_output=True)
    (found,) = out.glob("*.whl")
    return found


def test_the_wheel_holds_the_four_packages_and_their_data(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names if ".dist-info" not in name}
    assert tops == {"grouper", "codebooks", "dashboards", "hl7_adapters"}
    for needed in (
        "codebooks/data/schemes/chs-drg-3.0/sets.parquet",
        "codebooks/data/codes/icd10-nhsa-2.0/codes.parquet",
        "codebooks/data/bindings.csv",
        "codebooks/text/en/base.toml",
        "grouper/text/zh/reasons.toml",
        "grouper/schemes/templates/trace.html",
        "codebooks/data/schemes/dip-3.0/groups.parquet",
        "codebooks/data/schemes/apg-grouper-1.0/groups.parquet",
        "codebooks/data/treatment_kinds/icd9cm3-nhsa-2.0/manifest.json",
        "codebooks/data/factors/triggers.csv",
        "codebooks/data/apg/estimate.toml",
        "grouper/compare/templates/report.html",
        "grouper/compare/data/weight_columns.csv",
        "grouper/demo/month.csv",
        "grouper/demo/bureau_months.csv",
        "grouper/forecast/data/outlook.toml",
        "codebooks/audit/AUDIT_RULES.md.j2",
        "codebooks/data/audit/national-2025/rows/sex.csv.gz",
        "grouper/audit/sql/pairs.sql",
        "grouper/demo/visits.jsonl",
        "codebooks/data/policies/_forms/drg_rate.yaml",
        "codebooks/data/policies/_forms/_dimensions.yaml",
        "codebooks/data/policies/harbin/drg_rate.yaml",
        "codebooks/data/policies/harbin/weights-2024.csv",
        "codebooks/policies/POLICY.md.j2",
        "grouper/py.typed",
    ):
        assert needed in names, needed
    licences = [n for n in names if n.endswith(("LICENSE", "NOTICE"))]
    assert len(licences) == 2


def test_the_installed_wheel_groups(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    # The environment of the tests lends the libraries, the wheel alone brings our packages.
    venv.create(home, with_pip=False, symlinks=True)
    (site,) = (home / "lib").glob("python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    libraries = next(p for p in sys.path if p.endswith("site-packages"))
    (site / "libraries.pth").write_text(f"{libraries}\n", "utf-8")
    case = {"sex": 1, "age": 45, "dx": ["K80.101"], "px": ["51.2300"], "discharge": "1"}
    source = tmp_path / "in.jsonl"
    source.write_text(json.dumps({**case, "discharge_time": "2027-01-05"}) + "\n", "utf-8")
    python = home / "bin" / "python"
    command = [str(python), "-m", "grouper"]
    where = [str(python), "-c", "import grouper; print(grouper.__file__)"]
    clean = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "GROUPER_LANG": "en"}
    told = subprocess.run(
        where, cwd=tmp_path, env=clean, check=True, capture_output=True, text=True
    )
    assert Path(told.stdout.strip()).is_relative_to(home)
    words = ["group", str(source), "-o", str(tmp_path / "out.jsonl")]
    subprocess.run([*command, *words], cwd=tmp_path, env=clean, check=True, capture_output=True)
    assert json.loads((tmp_path / "out.jsonl").read_text("utf-8"))["group"] == "HC45"
    words = ["group", str(source), "-o", str(tmp_path / "dip.jsonl"), "--scheme", "dip-3.0"]
    subprocess.run([*command, *words], cwd=tmp_path, env=clean, check=True, capture_output=True)
    assert json.loads((tmp_path / "dip.jsonl").read_text("utf-8"))["group"] == "1029"
    words = ["compare", str(source), "--from", "auto", "--to", "dip-3.0", "-o", "report.html"]
    subprocess.run([*command, *words], cwd=tmp_path, env=clean, check=True, capture_output=True)
    assert "HC45" in (tmp_path / "report.html").read_text("utf-8")
    listed = subprocess.run(
        [*command, "codebooks", "list"],
        cwd=tmp_path,
        env=clean,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "chs-drg-3.0" in listed.stdout
