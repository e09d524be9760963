"""The forms that figures take for people, and a comparison in sentences."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from codebooks.messages import catalogue, text
from grouper.compare.sides import AUTO

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HUNDRED = Decimal(100)
_MOST_PLACES = 4
_TOP = 5


def say(lang: str, key: str, **params: object) -> str:
    """A text of the comparison."""
    return text(f"compare.{key}", lang, **params)


def reason_words(lang: str, reason: str | None) -> str:
    """A reason in words, empty for one that no catalogue knows."""
    key = f"reason.{reason}"
    return text(key, lang) if key in catalogue(lang) else ""


def percent(part: Decimal | str | int | None, whole: int | None = None) -> str:
    """A share as percent with one decimal place; ``—`` for None and for a share of nothing."""
    if part is None or whole == 0:
        return "—"
    value = Decimal(part) if whole is None else Decimal(part) / whole
    return f"{(value * _HUNDRED).quantize(Decimal('0.1'), ROUND_HALF_UP):,}%"


def points(value: str | None) -> str:
    """A change of share in percentage points with its sign; ``—`` for None."""
    if value is None:
        return "—"
    return f"{(Decimal(value) * _HUNDRED).quantize(Decimal('0.001'), ROUND_HALF_UP):+,f}"


def number(value: str | int | None) -> str:
    """A number with its thousands apart and at most four decimal places; ``—`` for None."""
    return "—" if value is None else f"{_rounded(value):,f}"


def difference(value: str | None) -> str:
    """As :func:`number`, with a sign unless it is nothing."""
    if value is None:
        return "—"
    rounded = _rounded(value)
    return f"{rounded:+,f}" if rounded else "0"


def _rounded(value: str | int) -> Decimal:
    exact = Decimal(value)
    exponent = exact.normalize().as_tuple().exponent
    places = min(_MOST_PLACES, max(0, -int(exponent)))
    return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


def side_name(side: Mapping[str, Any], lang: str) -> str:
    """What a side is called."""
    return say(lang, "auto") if side["name"] == AUTO else str(side["name"])


def findings(plain: Mapping[str, Any], lang: str) -> Iterator[str]:
    """What a report comes to, in a few sentences.

    Args:
        plain: the report (:func:`grouper.compare.document.document`).
        lang: language.
    """
    sides = {"first": side_name(plain["from"], lang), "second": side_name(plain["to"], lang)}
    both = plain["changes"]["same"] + plain["changes"]["regrouped"]
    families = [{scheme["family"] for scheme in plain[end]["schemes"]} for end in ("from", "to")]
    yield say(
        lang,
        "find.cases" if families[0] & families[1] else "find.across",
        both=number(both),
        regrouped=number(plain["changes"]["regrouped"]),
        share=percent(plain["changes"]["regrouped"], both),
    )
    kinds = plain["kinds"]["from"]
    counted = [
        say(lang, "find.kind", kind=say(lang, f"kind.{kind}"), groups=number(found["groups"]))
        for kind, found in kinds.items()
    ]
    groups = number(sum(found["groups"] for found in kinds.values()))
    listed = say(lang, "comma").join(counted) or "—"
    yield say(lang, "find.kinds", side=sides["first"], groups=groups, listed=listed)
    fresh = plain["kinds"]["to"].get("new")
    if fresh:
        yield say(lang, "find.new", side=sides["second"], groups=number(fresh["groups"]))
    left, new = plain["changes"]["left"], plain["changes"]["new"]
    if left or new:
        yield say(lang, "find.status", **sides, left=number(left), new=number(new))
    yield from _weights(plain["weights"], sides, lang)


def _weights(weights: Mapping[str, Any], sides: dict[str, str], lang: str) -> Iterator[str]:
    for end, name in (("from", sides["first"]), ("to", sides["second"])):
        for family, total in weights[end].items():
            if total["weighed"]:
                yield say(
                    lang,
                    "find.total",
                    side=name,
                    unit=say(lang, f"unit.{family}"),
                    weight=number(total["weight"]),
                    mean=number(total["mean"]),
                    weighed=number(total["weighed"]),
                )
        lacking = weights["unweighed"][end]
        if lacking:
            cases = number(sum(group["cases"] for group in lacking))
            yield say(lang, "unweighed", side=name, groups=number(len(lacking)), cases=cases)
    if weights["comparable"]:
        for moved in weights["moved"].values():
            figures = {n: difference(moved[n]) for n in moved if n != "cases"}
            yield say(lang, "find.moved", cases=number(moved["cases"]), **figures)


def counts(plain: Mapping[str, Any], lang: str) -> Iterator[str]:
    """How many cases there are, and what became of them."""
    sides = {"first": side_name(plain["from"], lang), "second": side_name(plain["to"], lang)}
    yield say(lang, "summary.title", **sides, cases=number(plain["cases"]))
    for change, count in plain["changes"].items():
        share = percent(count, plain["cases"])
        name = say(lang, f"change.{change}")
        yield say(lang, "summary.count", what=name, count=number(count), share=share)


def summary(plain: Mapping[str, Any], lang: str) -> Iterator[str]:
    """A report as lines for a terminal."""
    yield from counts(plain, lang)
    yield from findings(plain, lang)
    largest = [flow for flow in plain["flows"] if flow["change"] == "regrouped"][:_TOP]
    if largest:
        yield say(lang, "summary.largest")
        yield from (_flow(plain, flow, number(flow["cases"]), lang) for flow in largest)
    if plain["movers"]:
        yield say(lang, "summary.movers")
        for flow in plain["movers"][:_TOP]:
            shown = difference(flow["moved"]) if flow["moved"] else points(flow["share_change"])
            yield _flow(plain, flow, shown, lang)


def _flow(plain: Mapping[str, Any], flow: Mapping[str, Any], figure: str, lang: str) -> str:
    ends = [
        _end(flow[end], lang, tell_scheme=len(plain[end]["schemes"]) > 1) for end in ("from", "to")
    ]
    return say(lang, "summary.flow", figure=figure, source=ends[0], target=ends[1])


def _end(place: Mapping[str, Any], lang: str, *, tell_scheme: bool) -> str:
    if place["group"] is not None:
        # Where several schemes bind, one code stands for a group of each.
        scheme = f" [{place['scheme']}]" if tell_scheme else ""
        return f"{place['group']} {place['name'] or ''}".strip() + scheme
    status = text(f"status.{place['status']}", lang)
    return f"{status} {place['reason'] or ''}".strip()
