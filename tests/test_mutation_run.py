"""The tool that mutates, run on a small project; and a sample of the mutants of the real one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.mutate.scope import REPOSITORY, SCOPE

PROJECT = {
    "price.py": """
        LIMIT = 10

        def paid(cost, share):
            if cost > LIMIT:
                return LIMIT
            return cost - share

        def waits(cost):
            while cost < LIMIT:
                cost += 1
            return cost

        def untested(cost):
            return cost
        """,
    "tests/test_price.py": """
        import pytest
        from price import paid, waits

        @pytest.mark.parametrize("cost", [11, 12])
        def test_no_more_than_the_limit(cost):
            assert paid(cost, 0) == 10

        def test_a_share(tmp_path):
            assert paid(5, 2) == 3

        def test_waits():
            assert waits(9) == 10
        """,
    "pyproject.toml": """
        [tool.pytest.ini_options]
        markers = ["slow: slow"]
        """,
    "explained.toml": "",
}
AREAS = """
[areas.price]
modules = ["price.py"]
tests = ["tests/test_*.py"]
"""


def project(folder: Path) -> None:
    for name, text in PROJECT.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        lines = text.strip("\n").splitlines()
        path.write_text("\n".join(line[8:] for line in lines) + "\n", "utf-8")
    words = SCOPE.read_text("utf-8").partition("[areas.")[0]
    _, _, words = words.partition("[limits]")
    words = words.replace("cpu_seconds = 10", "cpu_seconds = 2")
    (folder / "scope.toml").write_text(f"[limits]{words}{AREAS}", "utf-8")


def mutate(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.mutate", *options],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_a_small_project(tmp_path: Path) -> None:
    project(tmp_path)
    options = ["--root", str(tmp_path), "--scope", str(tmp_path / "scope.toml"), "--survivors"]
    options += ["--explained", str(tmp_path / "explained.toml")]
    first = mutate(*options)
    assert first.returncode == 1, first.stderr
    told = first.stdout.splitlines()
    assert "survived: price.py:paid: if cost > LIMIT: → if (cost >= LIMIT):" in told
    assert "uncovered: price.py:untested: return cost → return None" in told
    # The loop that never ends is stopped by its limit of processor time.
    assert "| **price** | 14 | 9 | 3 | 1 | 1 | 0 | 85.7 |" in told
    assert told[-1] == "Too few are noticed in: price"

    with (tmp_path / "explained.toml").open("a", encoding="utf-8") as file:
        for mutated in ("if (cost >= LIMIT):", "if (not cost > LIMIT):"):
            file.write(
                '[[survivor]]\nmodule = "price.py"\nfunction = "paid"\n'
                f'original = "if cost > LIMIT:"\nmutated = "{mutated}"\nreason = "as good"\n'
            )
    tests = tmp_path / "tests" / "test_price.py"
    text = tests.read_text("utf-8")
    more = "from price import untested\n\ndef test_more():\n    assert untested(3) == 3\n"
    tests.write_text(f"{text}\n{more}", "utf-8")
    options += ["--known", str(tmp_path / "noticed.csv")]
    second = mutate(*options, "--write")
    told = second.stdout.splitlines()
    assert "| **price** | 14 | 10 | 3 | 1 | 0 | 1 | 92.9 |" in told
    assert told[-1] == "noticed now: price.py:paid: if cost > LIMIT: → if (not cost > LIMIT):"
    assert second.returncode == 1

    # The three that were stopped name no test, so none is tried on them.
    third = mutate(*options, "--quick")
    assert "| **price** | 14 | 10 | 0 | 0 | 4 | 1 | 71.4 |" in third.stdout.splitlines()


@pytest.mark.slow
def test_a_sample_of_all_mutants_is_noticed(tmp_path: Path) -> None:
    sample = mutate("--quick", "--jobs", "2", "--folder", str(tmp_path / "kept"))
    assert sample.returncode == 0, sample.stdout + sample.stderr
