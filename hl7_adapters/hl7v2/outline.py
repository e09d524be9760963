"""A message field by field, by the names of the standard; who the patient is is not shown.

``data/outline.csv`` names fields and says which of them may be shown. A field that it does not know
(Z segments, free text) is told of by its place alone.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from codebooks.messages import LANGUAGES
from codebooks.strict_csv import read_rows
from grouper.intake.outline import Part
from hl7_adapters.hl7v2.codec import parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hl7_adapters.hl7v2.codec import Segment

_FIRST = {"MSH": 2}
"""MSH-1 is the separator itself."""


@cache
def _table() -> Mapping[str, tuple[Mapping[str, str], bool]]:
    """Names and whether the value is shown, by field.

    Raises:
        CodebookError: the table is not as it should be.
    """
    with as_file(files("hl7_adapters.hl7v2") / "data" / "outline.csv") as path:
        return {
            row.cells["field"]: (
                {lang: row.cells[lang] for lang in LANGUAGES},
                row.cells["shown"] == "Y",
            )
            for row in read_rows(path, ("field", *LANGUAGES, "shown"))
        }


def named(place: str) -> Mapping[str, str]:
    """What a field is called, by language; of ``PID-3.1`` or ``PID-3[2]`` the field's name."""
    field = place.split(".", 1)[0].split("[", 1)[0]
    return _table().get(field, ({}, False))[0]


def outline(raw: bytes) -> Iterator[Part]:
    """The fields that hold something, segment by segment.

    Raises:
        IntakeError: as :func:`hl7_adapters.hl7v2.codec.parse`.
    """
    segments = parse(raw).segments
    times = Counter(one.name for one in segments)
    seen: Counter[str] = Counter()
    for segment in segments:
        seen[segment.name] += 1
        several = times[segment.name] > 1
        group = f"{segment.name}[{seen[segment.name]}]" if several else segment.name
        yield from _parts(segment, group)


def _parts(segment: Segment, group: str) -> Iterator[Part]:
    for number in range(_FIRST.get(segment.name, 1), segment.size + 1):
        held = segment.raw(number)
        if not held:
            continue
        place = f"{segment.name}-{number}"
        names, shown = _table().get(place, ({}, False))
        yield Part(group, place, held if shown else None, names)
