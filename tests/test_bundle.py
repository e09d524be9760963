"""The parts of the bundle: wheels, requirements, bill of materials, checksums, archive, pins."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from bundle.archive import SUMS, pack, write_sums
from bundle.pins import closure, constraints, wanted
from bundle.sbom import SCHEMA, bill
from bundle.wheels import WheelError, not_pinned, read_wheel, read_wheels, requirements
from bundle_support import ROOT, wheel
from cyclonedx.validation.json import JsonStrictValidator
from packaging.requirements import Requirement

EPOCH = 1_790_000_000


@pytest.mark.parametrize(
    ("lines", "licences"),
    [
        (["License-Expression: MIT OR Apache-2.0", "License: other"], ("MIT OR Apache-2.0",)),
        (
            [
                "License: BSD",
                "Classifier: License :: OSI Approved :: BSD License",
                "Classifier: Typing :: Typed",
            ],
            ("BSD License",),
        ),
        (["License: Apache 2.0"], ("Apache 2.0",)),
        ([f"License: {'a whole licence ' * 20}"], ()),
        ([], ()),
    ],
)
def test_a_wheel_says_its_licence(
    lines: list[str], licences: tuple[str, ...], tmp_path: Path
) -> None:
    assert read_wheel(wheel(tmp_path, "one", "1.0", *lines)).licences == licences


@pytest.mark.parametrize(
    ("tag", "glibc"),
    [
        ("py3-none-any", 0),
        ("cp311-cp311-manylinux_2_28_x86_64", 28),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", 17),
        ("cp311-abi3-manylinux1_x86_64", 5),
    ],
)
def test_a_wheel_says_which_machines_it_is_for(tag: str, glibc: int, tmp_path: Path) -> None:
    assert read_wheel(wheel(tmp_path, "one", tag=tag)).glibc == glibc


def test_what_is_no_wheel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one-1.0-py3-none-any.whl").write_bytes(b"no zip")
    with pytest.raises(WheelError, match=r"one-1\.0"):
        read_wheels(tmp_path)
    wheel(tmp_path, "one", "1.0")
    wheel(tmp_path, "one", "2.0")
    with pytest.raises(WheelError, match=r"one-2\.0.*one-1\.0"):
        read_wheels(tmp_path)
    (tmp_path / "note.txt").touch()
    with pytest.raises(WheelError):
        read_wheels(tmp_path)


def test_requirements_name_each_wheel_by_its_hash(tmp_path: Path) -> None:
    one, two = wheel(tmp_path, "One_Package", "1.0"), wheel(tmp_path, "two", "2.1")
    found = read_wheels(tmp_path)
    assert requirements(found) == (
        f"one-package==1.0 --hash=sha256:{hashlib.sha256(one.read_bytes()).hexdigest()}\n"
        f"two==2.1 --hash=sha256:{hashlib.sha256(two.read_bytes()).hexdigest()}\n"
    )
    assert not_pinned(found, "# a word\nOne.Package==1.0\ntwo==2.0  # of before\n") == ["two==2.1"]


def _stage(folder: Path) -> str:
    folder.mkdir()
    wheel(
        folder,
        "ours",
        "0.1",
        "License-Expression: Apache-2.0",
        'Requires-Dist: with-extra[more]; extra == "service"',
        'Requires-Dist: left-out; extra == "dev"',
    )
    wheel(
        folder,
        "with-extra",
        "2.0",
        "Summary: one line",
        "License: nobody's own words",
        'Requires-Dist: behind; extra == "more"',
        'Requires-Dist: elsewhere; sys_platform == "no such"',
        "Home-page: https://index.example/with-extra",
    )
    both = "Classifier: License :: OSI Approved :: "
    wheel(folder, "behind", "3.0", f"{both}MIT License", f"{both}BSD License")
    found = read_wheels(folder)
    ours = next(one for one in found if one.name == "ours")
    return bill(ours, found, ("service",), EPOCH)


def test_the_bill_of_materials(tmp_path: Path) -> None:
    text = _stage(tmp_path / "a")
    assert text == _stage(tmp_path / "b")
    assert JsonStrictValidator(SCHEMA).validate_str(text) is None
    assert "example" not in text
    told = json.loads(text)
    assert told["metadata"]["component"]["name"] == "ours"
    assert told["metadata"]["timestamp"].startswith("2026-09-21")
    parts = {one["name"]: one for one in told["components"]}
    assert set(parts) == {"behind", "with-extra"}
    one = parts["with-extra"]
    assert one["purl"] == "pkg:pypi/with-extra@2.0"
    assert one["version"] == "2.0"
    assert one["licenses"] == [{"license": {"name": "nobody's own words"}}]
    path = tmp_path / "a" / "with_extra-2.0-py3-none-any.whl"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert one["hashes"] == [{"alg": "SHA-256", "content": digest}]
    assert len(parts["behind"]["licenses"]) == 2
    needs = {one["ref"]: one.get("dependsOn", []) for one in told["dependencies"]}
    assert needs == {
        "ours==0.1": ["with-extra==2.0"],
        "with-extra==2.0": ["behind==3.0"],
        "behind==3.0": [],
    }


def _tree(folder: Path) -> Path:
    (folder / "wheels").mkdir(parents=True)
    (folder / "wheels" / "b.whl").write_bytes(b"b")
    (folder / "a file.md").write_text("文", "utf-8")
    (folder / "install.sh").write_text("#!/bin/sh\n", "utf-8")
    write_sums(folder)
    return folder


def test_checksums_are_those_that_sha256sum_reads(tmp_path: Path) -> None:
    folder = _tree(tmp_path / "x")
    check = ["sha256sum", "--strict", "--quiet", "-c", SUMS]
    assert subprocess.run(check, cwd=folder, check=False).returncode == 0
    named = [line.split("  ")[1] for line in (folder / SUMS).read_text("utf-8").splitlines()]
    assert named == ["a file.md", "install.sh", "wheels/b.whl"]
    (folder / "wheels" / "b.whl").write_bytes(b"c")
    done = subprocess.run(check, cwd=folder, check=False, capture_output=True)
    assert done.returncode != 0


def test_the_same_folder_gives_the_same_archive(tmp_path: Path) -> None:
    made = []
    for at, place in enumerate(("one", "two")):
        folder = _tree(tmp_path / place / "grouper-1")
        os.utime(folder / "a file.md", (at, at))
        (folder / "a file.md").chmod(0o600 if at else 0o666)
        made.append(tmp_path / f"{place}.tar.gz")
        pack(folder, made[-1], EPOCH)
    assert made[0].read_bytes() == made[1].read_bytes()
    with tarfile.open(made[0]) as archive:
        entries = archive.getmembers()
    assert [one.name for one in entries] == [
        "grouper-1/a file.md",
        "grouper-1/install.sh",
        "grouper-1/wheels/b.whl",
        "grouper-1/SHA256SUMS",
    ]
    assert {one.mtime for one in entries} == {EPOCH}
    assert {(one.uid, one.uname) for one in entries} == {(0, "root")}
    assert [oct(one.mode) for one in entries] == ["0o644", "0o755", "0o644", "0o644"]


def test_pins_are_of_all_that_is_needed(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\nname = "our-own"\ndependencies = ["jinja2>=3"]\n'
        "[project.optional-dependencies]\n"
        'pages = ["our_own[base]", "typer"]\nbase = ["httpx; python_version < \'3\'"]\n'
        'dev = ["no-such-package"]\n',
        "utf-8",
    )
    needs = wanted(project, ["pages"])
    assert [one.name for one in needs] == ["jinja2", "typer", "httpx"]
    found = closure(needs)
    assert {"jinja2", "markupsafe", "typer", "rich"} <= set(found)
    assert "httpx" not in found
    # An extra that is asked for later adds what it needs.
    more = closure([Requirement("uvicorn"), Requirement("uvicorn[standard]")])
    assert {"uvicorn", "httptools"} <= set(more)
    assert "httptools" not in closure([Requirement("uvicorn")])
    lines = constraints(needs).splitlines()
    assert f"jinja2=={found['jinja2']}" in lines


def test_the_command_tells_its_options() -> None:
    told = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "make_bundle.py"), "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert {"--out", "--spark", "--glibc", "--pin"} <= set(told.stdout.replace("[", " ").split())
