"""No key and no patient in what is kept under version control: a scan that finds one planted."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from detect_secrets import SecretsCollection
from detect_secrets.core import baseline
from detect_secrets.settings import transient_settings

ROOT = Path(__file__).resolve().parents[1]
BASELINE = ROOT / "tests" / "data" / "secrets_baseline.json"
"""What the scan takes for a secret and is none; made anew by ``make secrets``, and looked through."""
DRAWN = ROOT / "tests" / "fuzz" / "found"
INVENTED = ROOT / "tests" / "data" / "invented_numbers.csv"
BINARY = {".parquet", ".gz", ".png", ".jpg", ".xlsx", ".ico", ".ubj", ".arrow", ".woff2", ".pdf"}
LEFT_OUT = {".git", ".venv", "out", "dist", "__pycache__", ".hypothesis", ".mypy_cache"}
LEFT_OUT |= {".ruff_cache", ".pytest_cache", ".mutate"}
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
CHECK = "10X98765432"
"""The last character of an identity number by the remainder (GB 11643-1999)."""
IDENTITY = re.compile(
    r"(?<![0-9A-Za-z])[1-9]\d{5}(?:19|20)\d{2}(?:0[1-9]|1[0-2])\d{5}[\dXx](?![0-9A-Za-z])"
)
MOBILE = re.compile(r"(?<![0-9A-Za-z.])1[3-9]\d{9}(?![0-9A-Za-z.])")


@cache
def tracked() -> tuple[Path, ...]:
    """The files under version control; where there is none, of the tree."""
    told = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if told.returncode == 0 and told.stdout:
        names = [ROOT / name for name in told.stdout.split("\0") if name]
    else:
        names = [p for p in ROOT.rglob("*") if not LEFT_OUT & {*p.relative_to(ROOT).parts}]
    return tuple(sorted(p for p in names if p.is_file() and p.suffix not in BINARY))


def scan(*files: Path) -> SecretsCollection:
    """What looks like a secret in files, with the settings of the baseline."""
    found = SecretsCollection(root=str(ROOT))
    with transient_settings(baseline.load_from_file(str(BASELINE))):
        found.scan_files(*(str(p.relative_to(ROOT)) for p in files))
    return found


@pytest.mark.slow
def test_no_secret_is_kept() -> None:
    kept = json.loads(BASELINE.read_text("utf-8"))["results"]
    known = {(name, one["type"], one["hashed_secret"]) for name in kept for one in kept[name]}
    # What the fuzzing found is drawn bytes and sums.
    files = [path for path in tracked() if path != BASELINE and DRAWN not in path.parents]
    found = {(name, one.type, one.secret_hash): one.line_number for name, one in scan(*files)}
    fresh = sorted(f"{key[0]}:{line} {key[1]}" for key, line in found.items() if key not in known)
    assert not fresh, "take it out, or run `make secrets` and look through what it adds"


KEYS = {
    "aws": "AKIA" + "IOSFODNN7EXAMPL3",
    "private": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "token": "ghp_" + "a1B2c3D4e5" * 4,
    "password": 'password = "' + 'Tr0ub4dor&3-zebra"',
    "database": "postgresql://grouper:" + "s3cr3t-w0rd@db.invalid/x",
}


@pytest.mark.parametrize("kind", sorted(KEYS))
def test_a_planted_key_is_found(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(f"{KEYS[kind]}\n", "utf-8")
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    assert [one.type for _, one in scan(planted)]


def numbers_in(text: str) -> Iterator[str]:
    """Numbers of the form of an identity card with the right check digit, and of mobile phones."""
    for found in IDENTITY.findall(text):
        total = sum(int(digit) * weight for digit, weight in zip(found, WEIGHTS, strict=False))
        if found[-1].upper() == CHECK[total % 11]:
            yield found
    yield from MOBILE.findall(text)


def test_no_number_of_a_person_is_kept() -> None:
    with INVENTED.open(encoding="utf-8", newline="") as file:
        known = {row["number"] for row in csv.DictReader(file, strict=True) if row["why"]}
    found = {
        number: path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path != INVENTED
        for number in numbers_in(path.read_text("utf-8", "replace"))
        if number not in known
    }
    assert not found, f"invent another number, or say why in {INVENTED.name}"


def test_a_planted_number_is_found() -> None:
    identity = "110105" + "19491231" + "002X"
    phone = "138" + "00000000"
    assert list(numbers_in(f"a {identity} b {phone}.")) == [identity]
    assert list(numbers_in(f"a {phone} b")) == [phone]
    assert not list(numbers_in(identity[:-1] + "1"))
    assert not list(numbers_in(f"0.{phone} 1{phone} {identity}7"))
