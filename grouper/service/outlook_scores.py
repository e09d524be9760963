"""What became of the kept outlooks: each figure against what came, and how far off they were together."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from grouper.forecast.outlook.published import Published
from grouper.forecast.outlook.score import Scored, against, score
from grouper.service.outlooks import outlooks
from grouper.service.settling import sizes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from grouper.service.access.principal import Principal
    from grouper.service.kept_results import Kept
    from grouper.service.settings import Settings

Key = tuple[str, str, str, str]
"""Period, what, method and insurance of a figure."""
WHOLE = "all "
"""Before the name of a figure of all parts together."""


@dataclass(frozen=True, slots=True)
class Came:
    """A figure of a kept outlook and what came."""

    kept: Kept
    scored: Scored

    @property
    def figure(self) -> str:
        """What it is of, such as ``point_value`` or ``fund``."""
        return self.scored.what.removeprefix(WHOLE)

    @property
    def whole(self) -> bool:
        """Whether it is of all parts together."""
        return self.scored.what.startswith(WHOLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How figures of one kind did together.

    Attributes:
        figure: such as ``point_value``; ``year``: of a year.
        tries: how many.
        error: mean size of the error, as a share of what came; None: nothing came but noughts.
        baseline: the same of the simple forecast, where there is one.
        inside: by level the share of those whose interval held what came.
    """

    figure: str
    year: bool
    tries: int
    error: Decimal | None
    baseline: Decimal | None
    inside: Mapping[str, Decimal]


def scored(settings: Settings, by: Principal, published: Published | None) -> list[Came]:
    """What became of the kept outlooks, the newest first.

    Point values are held against the published months, all figures of a month against its newest
    outlook, and those of a year against the newest outlook of any of its months that knows the whole
    year. Of the outlooks of a month that know all until the same day the newest alone is a try; so it
    is with the figures of a year.

    Args:
        settings: of the service.
        by: who asks.
        published: the bureau's months; None: there are none.

    Raises:
        AccessError: ``NOT_ALLOWED``.
    """
    every = outlooks(settings, by)
    newest = _newest(every)
    tries: dict[tuple[str, str], Kept] = {}
    for one in every:
        tries.setdefault((one.of, one.about["as_of"]), one)
    found: list[Came] = []
    seen: set[tuple[str, Key]] = set()
    for one in list(tries.values())[: sizes()["outlook"]["most_scored"]]:
        told = one.document("en")
        came = {_key(each): each for each in score(told, published or Published(()))}
        for later in (newest[of] for of in (one.of, _year(one)) if of in newest):
            came |= {_key(each): each for each in against(told, later)}
        for key, each in sorted(came.items()):
            if (one.about["as_of"], key) not in seen:
                seen.add((one.about["as_of"], key))
                found.append(Came(one, each))
    return found


def together(found: Iterable[Came]) -> list[Held]:
    """The figures of point values, and of all parts together, by what they are of."""
    by: dict[tuple[str, bool], list[Scored]] = {}
    for one in found:
        if one.whole or (one.scored.method is not None and one.figure == "point_value"):
            key = (one.figure, len(one.scored.period) == len("2026"))
            by.setdefault(key, []).append(one.scored)
    return [
        Held(
            figure=figure,
            year=year,
            tries=len(many),
            error=_mean([one.error for one in many]),
            baseline=_mean([one.baseline_error for one in many]),
            inside={
                level: _share(many, level) for level in sorted({k for m in many for k in m.inside})
            },
        )
        for (figure, year), many in sorted(by.items(), key=lambda one: (one[0][1], one[0][0]))
    ]


def _newest(every: Iterable[Kept]) -> dict[str, Mapping[str, Any]]:
    """The newest outlook of each month, and of each year the newest that was made when it was over."""
    found: dict[str, Kept] = {}
    for one in every:
        found.setdefault(one.of, one)
        if one.about["as_of"] >= f"{_year(one)}-12-31":
            found.setdefault(_year(one), one)
    return {of: one.document("en") for of, one in found.items()}


def _year(one: Kept) -> str:
    return one.of[: len("2026")]


def _mean(errors: Sequence[Decimal | None]) -> Decimal | None:
    known = [abs(one) for one in errors if one is not None]
    return sum(known, Decimal(0)) / len(known) if known else None


def _share(many: Sequence[Scored], level: str) -> Decimal:
    known = [one.inside[level] for one in many if level in one.inside]
    return Decimal(sum(known)) / len(known)


def _key(one: Scored) -> Key:
    return one.period, one.what, one.method or "", one.insurance or ""
