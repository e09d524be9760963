"""The page on security says what holds: its table of rights, tests, settings, files and limits."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from grouper.service.access.principal import Right, rights
from grouper.service.settings import Settings
from grouper.service.web_limits import web_limits
from grouper.store.states import Role

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "SECURITY.md").read_text("utf-8")


def rows(begin: str) -> list[list[str]]:
    """The rows of the table that begins so, without its head."""
    table = PAGE[PAGE.index(begin) :].split("\n\n")[0].splitlines()
    return [
        [cell.strip() for cell in line.strip("|").split("|")] for line in [table[0], *table[2:]]
    ]


def test_the_table_of_rights_is_that_of_the_service() -> None:
    head, *told = rows("| right | office")
    roles = [Role(one) for one in head[1:]]
    assert set(roles) == set(Role)
    named = [cells[0].split("`")[1] for cells in told]
    assert named == [right.value for right in Right]
    for cells in told:
        right = Right(cells[0].split("`")[1])
        for role, cell in zip(roles, cells[1:], strict=True):
            assert (cell == "yes") == (right in rights()[role]), (right, role)
            assert cell in ("yes", "")


def test_every_threat_names_what_shows_that_it_is_held() -> None:
    head, *threats = rows("| kind | threat")
    assert len(threats) > 15
    for cells in threats:
        assert len(cells) == len(head)
        shown = re.findall(r"`(tests/\w+\.py)`", cells[4])
        assert shown, cells
        for path in shown:
            assert "def test_" in (ROOT / path).read_text("utf-8"), path
    kinds = {"spoofing", "tampering", "repudiation", "disclosure", "denial", "elevation"}
    assert {cells[0] for cells in threats} == kinds


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE))))
def test_every_setting_that_is_named_is_one(name: str) -> None:
    section, setting = name.split(".")
    made = Settings()
    if section == "listeners":
        assert setting in made.listeners
    else:
        assert hasattr(getattr(made, section), setting)


def test_every_file_and_limit_that_is_named_is_there() -> None:
    for path in re.findall(r"`((?:grouper|tests|deploy)/[\w./]+)`", PAGE):
        assert (ROOT / path).is_file(), path
    for link in re.findall(r"\]\((\w+\.md)\)", PAGE):
        assert (ROOT / "docs" / link).is_file(), link
    limits = web_limits()
    said = (
        f"heads within {limits.head_seconds:.0f} s and {limits.head_bytes >> 10} KiB, "
        f"bodies within {limits.body_seconds:.0f} s"
    )
    assert said in PAGE
