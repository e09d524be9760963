"""``install.sh`` on small bundles: install, upgrade, go back; and what makes it refuse."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from bundle.archive import write_sums
from bundle_support import bundle

pytestmark = pytest.mark.slow


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where it is installed; a folder of data lies beside it and is to stay as it is."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "grouper.sqlite").write_bytes(b"data")
    return tmp_path / "opt" / "grouper"


def install(
    made: Path, target: Path, *words: str, **surroundings: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(target.parent),
        "PYTHON": sys.executable,
        "GROUPER_LANG": "en",
        # Nothing of the surroundings may lead elsewhere.
        "PIP_INDEX_URL": "https://index.invalid/simple",
        **surroundings,
    }
    return subprocess.run(
        ["/bin/sh", str(made / "install.sh"), *words, str(target)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def version(target: Path) -> str:
    command = [str(target / "venv" / "bin" / "grouper"), "--version"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_install_upgrade_and_go_back(tmp_path: Path, target: Path) -> None:
    first, second, third = (bundle(tmp_path, one) for one in ("1.0", "2.0", "3.0"))
    done = install(first, target)
    assert done.returncode == 0, done.stderr
    assert version(target) == "grouper 1.0"
    assert "doctor" in done.stdout
    assert (target / "docs" / "INSTALL.md").read_text("utf-8") == "1.0"
    # Once more the same: nothing is done.
    before = (target / "venv").stat().st_ctime_ns
    assert "already" in install(first, target).stdout
    assert (target / "venv").stat().st_ctime_ns == before
    assert not os.path.lexists(target / "venv.previous")

    done = install(second, target)
    assert done.returncode == 0, done.stderr
    assert version(target) == "grouper 2.0"
    assert "--back" in done.stdout
    done = install(target, target, "--back")
    assert done.returncode == 0, done.stderr
    assert version(target) == "grouper 1.0"
    # And forward again, for the way back is a change like any other.
    assert install(target, target, "--back").returncode == 0
    assert version(target) == "grouper 2.0"

    done = install(third, target, GROUPER_LANG="zh")
    assert "已安装 grouper 3.0" in done.stdout
    kept = sorted(one.name.split("-")[1] for one in target.glob("venv-*"))
    assert kept == ["2.0", "3.0"]
    assert (tmp_path / "data" / "grouper.sqlite").read_bytes() == b"data"


def test_a_changed_file_is_refused(tmp_path: Path, target: Path) -> None:
    made = bundle(tmp_path, "1.0")
    one = next((made / "wheels").glob("yibao*.whl"))
    content = bytearray(one.read_bytes())
    content[40] ^= 1
    one.write_bytes(content)
    done = install(made, target)
    assert done.returncode == 1
    assert "checksums do not fit" in done.stderr
    assert not target.exists()
    # Who changes the list of sums as well still meets the hashes of the requirements.
    write_sums(made)
    done = install(made, target)
    assert done.returncode == 1
    assert "installation failed" in done.stderr
    assert list(target.iterdir()) == []


def test_a_missing_list_or_file_is_refused(tmp_path: Path, target: Path) -> None:
    made = bundle(tmp_path, "1.0")
    (made / "docs" / "INSTALL.md").unlink()
    assert install(made, target).returncode == 1
    (made / "SHA256SUMS").unlink()
    done = install(made, target)
    assert (done.returncode, "no whole bundle" in done.stderr) == (1, True)
    assert not target.exists()


def test_the_folder_may_be_named_from_where_one_is(tmp_path: Path, target: Path) -> None:
    made = bundle(tmp_path, "1.0")
    target.parent.mkdir(parents=True)
    done = subprocess.run(
        ["/bin/sh", str(made / "install.sh"), target.name],
        cwd=target.parent,
        env={"PATH": os.environ["PATH"], "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert version(target) == "grouper 1.0"


def _held(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and not one.is_symlink()
    }


def test_a_folder_of_others_is_refused_and_left_as_it_is(tmp_path: Path, target: Path) -> None:
    made = bundle(tmp_path, "1.0")
    for name in ("docs/mine.md", "site/mine.html", "venv-mine/mine", ".hidden"):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_text("mine", "utf-8")
    # Neither a link of that name nor a bundle that was unpacked makes it ours.
    (target / "venv").symlink_to(tmp_path)
    other = bundle(tmp_path, "2.0")
    for folder in (target, other):
        before = _held(folder)
        done = install(made, folder)
        assert (done.returncode, "is not empty" in done.stderr) == (1, True), done.stderr
        assert _held(folder) == before
    before = _held(made)
    for itself in (made, made / "docs" / ".."):
        done = install(made, itself)
        assert (done.returncode, "the bundle itself" in done.stderr) == (1, True), done.stderr
    assert _held(made) == before


def test_a_kill_between_the_links_leaves_a_way_back(tmp_path: Path, target: Path) -> None:
    assert install(bundle(tmp_path, "1.0"), target).returncode == 0
    second = bundle(tmp_path, "2.0")
    # The link in use cannot be set: nothing may be renamed onto a folder.
    (target / "venv.new").mkdir()
    assert install(second, target).returncode != 0
    (target / "venv.new").rmdir()
    assert version(target) == "grouper 1.0"
    assert (target / "venv.previous").readlink() == (target / "venv").readlink()
    # The link is gone, but the folder is ours.
    (target / "venv").unlink()
    assert install(second, target).returncode == 0
    assert version(target) == "grouper 2.0"


def test_a_new_version_that_does_not_work_changes_nothing(tmp_path: Path, target: Path) -> None:
    assert install(bundle(tmp_path, "1.0"), target).returncode == 0
    done = install(bundle(tmp_path, "2.0", broken=True), target)
    assert done.returncode == 1
    assert "does not work" in done.stderr
    assert version(target) == "grouper 1.0"
    assert len(list(target.glob("venv-*"))) == 1


def _exchange(made: Path, old: str, new: str) -> None:
    path = made / "bundle.sh"
    path.write_text(path.read_text("utf-8").replace(old, new), "utf-8")
    write_sums(made)


def test_another_machine_python_or_word_is_refused(tmp_path: Path, target: Path) -> None:
    made = bundle(tmp_path, "1.0")
    done = install(made, target, PYTHON="no-such-python")
    assert (done.returncode, "no-such-python" in done.stderr) == (1, True)
    done = install(made, target, "--backwards")
    assert (done.returncode, "unknown option" in done.stderr) == (1, True)
    done = install(made, target, "--back")
    assert (done.returncode, "no version before" in done.stderr) == (1, True)
    here = ".".join(map(str, sys.version_info[:2]))
    _exchange(made, f"python_wanted='{here}'", "python_wanted='2.7'")
    done = install(made, target)
    assert (done.returncode, "Python 2.7" in done.stderr) == (1, True)
    _exchange(made, "python_wanted='2.7'", f"python_wanted='{here}'")
    _exchange(made, "machine='", "machine='no_")
    done = install(made, target)
    assert (done.returncode, "This bundle is for no_" in done.stderr) == (1, True)
    assert not target.exists()
