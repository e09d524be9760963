"""``grouper codebooks export-apg``: an outpatient scheme as a folder of tables to change."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 -- the command reads its annotations
from typing import Annotated

import typer

from codebooks.apg.exporting import write_folder
from codebooks.errors import GrouperError
from codebooks.messages import text
from codebooks.registry import registry
from grouper.case.readers.text_input import readable
from grouper.cli.codebooks_render import LangOption, speak


def _say(key: str, **params: object) -> str:
    return text(f"cli_apg.{key}", None, **params)


def export_apg_command(
    *,
    scheme: Annotated[str, typer.Argument(metavar="ID", help=_say("export_id"))],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help=_say("export_folder"))],
    lang: LangOption = None,
) -> None:
    """Write the tables and the card of an APG scheme as the import reads them.

    Raises:
        GrouperError: ``APG_FAMILY`` for a scheme of another family, ``APG_FOLDER``.
    """
    speak(lang)
    card = registry().card(scheme)
    if card.family != "apg":
        raise GrouperError("APG_FAMILY", scheme=scheme, family=card.family)
    write_folder(registry().book(scheme), folder)
    typer.echo(readable(_say("exported", id=scheme, folder=folder)))
