"""What a figure rests on: period, population and source, in words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from codebooks.messages import text
from dashboards.frame.figures import count
from dashboards.frame.labels import department, label, physician
from grouper.case.dates import LOCAL
from grouper.mart.slices import Axis

if TYPE_CHECKING:
    from grouper.mart.answers import About
    from grouper.mart.slices import Slice


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a figure rests on.

    Attributes:
        period: first and last day.
        population: whose cases, and how many.
        source: where they come from, and as of when.
    """

    period: str
    population: str
    source: str


def grounds(about: About, cut: Slice, cases: int, lang: str) -> Grounds:
    """The grounds of a slice.

    Args:
        about: of the mart.
        cut: the slice.
        cases: how many it has.
        lang: ``zh`` or ``en``.
    """
    last = cut.until - timedelta(days=1)
    kinds = [label(Axis.KIND, one, None, lang) for one in cut.kinds]
    joined = text("grounds.joint", lang)
    told = [joined.join(kinds) or text("grounds.all_kinds", lang)]
    narrowed = (
        ("departments", tuple(department(one) for one in cut.departments)),
        ("groups", cut.groups),
        ("physicians", tuple(physician(one) for one in cut.physicians)),
        ("bands", tuple(label(Axis.BAND, one, None, lang) for one in cut.bands)),
        ("insurances", tuple(label(Axis.INSURANCE, one, None, lang) for one in cut.insurances)),
    )
    told += [
        text(f"grounds.{name}", lang, which=_few(which, lang)) for name, which in narrowed if which
    ]
    if cut.reach is not None:
        told.append(text("grounds.reach", lang))
    return Grounds(
        period=text("grounds.period", lang, since=cut.since.isoformat(), last=last.isoformat()),
        population=text("grounds.population", lang, which=joined.join(told), cases=count(cases)),
        source=text(
            "grounds.source",
            lang,
            source=text(f"grounds.from_{about.source}", lang),
            made=about.made.astimezone(LOCAL).strftime("%Y-%m-%d %H:%M"),
            policies=joined.join(about.policies) or text("value.none", lang),
        ),
    )


_FEW = 3


def _few(which: tuple[str, ...], lang: str) -> str:
    if len(which) <= _FEW:
        return ", ".join(which)
    return text("grounds.many", lang, which=", ".join(which[:_FEW]), count=len(which))
