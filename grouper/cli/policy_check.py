"""``grouper policy check``: whether policy files can be used, with all that is wrong at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from codebooks import paths
from codebooks.policies.checking import check
from grouper.cli.codebooks_render import print_json, print_table
from grouper.cli.policy_words import say

if TYPE_CHECKING:
    from pathlib import Path

    from codebooks.policies.checking import Checked


def checked_at(folder: Path | None) -> list[Checked]:
    """What became of each file of a folder; without one, of all at hand.

    Raises:
        CodebookError: ``POLICY_FOLDER``.
    """
    if folder is not None:
        return check(folder)
    own = paths.installed() / "policies"
    found = check(paths.shipped() / "policies")
    return [*found, *check(own)] if own.is_dir() and any(own.iterdir()) else found


def print_checked(checked: list[Checked], *, as_json: bool) -> None:
    """One line a file, then each error in full, then the sum."""
    if as_json:
        print_json(
            [
                {
                    "region": one.region,
                    "file": one.file,
                    "values": one.values,
                    "unused": one.unused,
                    "code": one.error and one.error.code,
                    "error": one.error and one.error.describe(),
                    "where": one.error and one.error.where,
                }
                for one in checked
            ]
        )
        return
    columns = ("file", "values", "outcome")
    rows = [[one.file, str(one.values), _outcome(one)] for one in checked]
    print_table([say(f"column.{name}") for name in columns], rows)
    failed = [one for one in checked if one.error is not None]
    for one in failed:
        typer.echo(str(one.error))
    typer.echo(
        say("check.failed", count=len(checked), failed=len(failed))
        if failed
        else say("check.whole", count=len(checked))
    )


def _outcome(one: Checked) -> str:
    if one.error is not None:
        return say("check.unusable", code=one.error.code)
    return say("check.unused" if one.unused else "check.usable")
