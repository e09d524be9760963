"""Small wheels and small bundles for the tests of ``tools/make_bundle.py`` and ``deploy/install.sh``."""

from __future__ import annotations

import ensurepip
import platform
import shutil
import sys
import zipfile
from pathlib import Path

from bundle.archive import write_sums
from bundle.wheels import read_wheels, requirements

ROOT = Path(__file__).resolve().parents[1]

PROGRAM = """\
import sys
from pathlib import Path

def main():
    if {broken}:
        sys.exit("broken")
    print("grouper {version}")
"""


def wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *lines: str,
    tag: str = "py3-none-any",
    files: dict[str, str] | None = None,
) -> Path:
    """A wheel with these further lines in its metadata."""
    stem = f"{name.replace('-', '_')}-{version}"
    path = folder / f"{stem}-{tag}.whl"
    info = f"{stem}.dist-info"
    told = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}", *lines]
    inside = {
        **(files or {}),
        f"{info}/METADATA": "\n".join(told) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n",
        f"{info}/RECORD": "",
    }
    inside[f"{info}/RECORD"] = "".join(f"{one},,\n" for one in inside)
    with zipfile.ZipFile(path, "w") as packed:
        for one, content in inside.items():
            packed.writestr(zipfile.ZipInfo(one), content)
    return path


def program(folder: Path, version: str, *, broken: bool = False) -> Path:
    """A wheel in the place of ours, with the command ``grouper``."""
    entry = f"yibao_grouper-{version}.dist-info/entry_points.txt"
    return wheel(
        folder,
        "yibao-grouper",
        version,
        files={
            "small_grouper.py": PROGRAM.format(broken=broken, version=version),
            entry: "[console_scripts]\ngrouper = small_grouper:main\n",
        },
    )


def bundle(folder: Path, version: str, *, broken: bool = False) -> Path:
    """A whole bundle with a small program; returns its folder."""
    made = folder / f"bundle-{version}"
    (made / "wheels").mkdir(parents=True)
    program(made / "wheels", version, broken=broken)
    (installer,) = (Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl")
    shutil.copy(installer, made / "wheels")
    (made / "requirements.txt").write_text(requirements(read_wheels(made / "wheels")), "utf-8")
    for name in ("LICENSE", "NOTICE", "CHANGELOG.md", "bundle.json", "sbom.cdx.json"):
        (made / name).write_text(name, "utf-8")
    (made / "docs").mkdir()
    (made / "docs" / "INSTALL.md").write_text(version, "utf-8")
    shutil.copy(ROOT / "deploy" / "install.sh", made)
    known = {
        "version": version,
        "python_wanted": ".".join(map(str, sys.version_info[:2])),
        "machine": platform.machine(),
        "installer": installer.name,
    }
    (made / "bundle.sh").write_text("".join(f"{k}='{v}'\n" for k, v in known.items()), "utf-8")
    write_sums(made)
    return made
