"""A forecast in words: as text for a screen, and as a document for other systems."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from codebooks.messages import text
from grouper.case.dates import LOCAL
from grouper.forecast.result import MEASURES, ForecastStatus
from grouper.forecast.tables import toml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from decimal import Decimal

_BOUNDS = ("low", "middle", "high", "mean")
_PLACES, _CENTS = 6, 2
_LEVELS = {"group", "adrg", "mdc", "all"}


def lines(row: Mapping[str, Any], lang: str | None = None) -> list[str]:
    """A forecast as lines of text.

    Args:
        row: of a table of ``FORECAST_SCHEMA``, as Python values.
        lang: of the words.
    """
    return list(_lines(row, lang))


def _lines(row: Mapping[str, Any], lang: str | None) -> Iterator[str]:
    def say(key: str, **params: object) -> str:
        return text(f"forecast_words.{key}", lang, **params)

    at = row["as_of"].astimezone(LOCAL).strftime("%Y-%m-%d %H:%M")
    yield say(
        "title" if row["day"] > 0 else "admission", case=row["case_id"], day=row["day"], at=at
    )
    if row["status"] == ForecastStatus.REFUSED:
        yield say("refused", **_reason(row["reason"], lang))
        return
    status = text(f"status.{row['bare_status']}", lang)
    yield say("bare", group=row["bare_group"], status=status)
    yield say("groups")
    yield from _likely(row, lang)
    level = f"{row['level']:.0%}"
    for measure in MEASURES:
        bounds = {end: row[f"{measure}_{end}"] for end in _BOUNDS}
        if bounds["middle"] is None:
            continue
        places = 1 if measure == "los" else 0
        shown = {name: figure(value, lang, places) for name, value in bounds.items()}
        yield say(measure, level=level, now=f"{row['cost_to_date']:,.0f}", **shown)
    if row["pay_reason"] and row["amount_middle"] is None:
        yield say("unpriced", reason=text(f"reason.{row['pay_reason']}", lang))
    if row["drivers"]:
        yield say("drivers")
        yield from (f"  {driver_words(one, lang)}" for one in row["drivers"])
    if row["basis"] in _LEVELS:
        basis = say(f"{row['basis']}_level")
        yield say("basis", basis=basis, cases=row["basis_cases"], model=row["model"] or "—")
    for code in codes(row["warnings"]):
        yield say("warning", **_reason(code, lang))


def _likely(row: Mapping[str, Any], lang: str | None) -> Iterator[str]:
    """The likely groups; those that hardly count are told among all others."""
    least = toml("training.toml")["told_probability"]
    other = row["other_probability"]
    for place, one in enumerate(row["groups"]):
        if place and one["probability"] < least:
            other += one["probability"]
            continue
        told = {"group": one["group"], "name": one["name"]}
        told["probability"] = _share(one["probability"])
        yield text("forecast_words.group", lang, **told)
    yield text("forecast_words.other", lang, probability=_share(other))


def driver_words(driver: Mapping[str, Any], lang: str | None = None) -> str:
    """What a feature does to the cost, in words a physician reads.

    Args:
        driver: a feature, its value and its effect in yuan.
        lang: of the words.
    """
    key = "forecast_driver.adds" if driver["effect"] >= 0 else "forecast_driver.saves"
    feature = text(f"feature.{driver['feature']}", lang)
    return text(key, lang, feature=feature, effect=f"{abs(driver['effect']):,.0f}")


def figure(value: Decimal | float | None, lang: str | None = None, places: int = 0) -> str:
    """An amount or a number of days as a text; of a bound that nobody can name a word for that.

    Args:
        value: in yuan or days; None: an interval is open on this side.
        lang: of the word.
        places: after the point.
    """
    # A little below nought is nought, without a sign.
    return text("forecast_words.open", lang) if value is None else f"{value:z,.{places}f}"


def codes(joined: str | None) -> list[str]:
    """Codes that stand joined by ``;``."""
    return joined.split(";") if joined else []


def document(row: Mapping[str, Any], lang: str | None = None) -> dict[str, Any]:
    """A forecast as plain values with their words; amounts as texts, shares as numbers.

    Args:
        row: of a table of ``FORECAST_SCHEMA``, as Python values.
        lang: of the words.
    """
    found: dict[str, Any] = {
        name: row[name]
        for name in ("case_id", "day", "model", "scheme", "status", "department", "level")
    }
    found["as_of"] = row["as_of"].astimezone(LOCAL).isoformat()
    reason = row["reason"]
    found["reason"] = reason
    if reason is not None:
        found["reason_text"], found["advice"] = _reason(reason, lang).values()
    found["warnings"] = [{"code": code, **_reason(code, lang)} for code in codes(row["warnings"])]
    if row["status"] == ForecastStatus.REFUSED:
        return found
    found["bare"] = {"status": row["bare_status"], "group": row["bare_group"]}
    found["groups"] = [
        {**one, "probability": _rounded(one["probability"])} for one in row["groups"]
    ]
    found["other_probability"] = _rounded(row["other_probability"])
    for level in ("adrg", "mdc"):
        chance = _rounded(row[f"{level}_probability"])
        found[level] = {"code": row[level], "probability": chance}
    found["basis"] = {"level": row["basis"], "cases": row["basis_cases"]}
    found["cost_to_date"] = _amount(row["cost_to_date"])
    for measure in MEASURES:
        bounds = {end: row[f"{measure}_{end}"] for end in _BOUNDS}
        known = bounds["middle"] is not None
        tell = _days if measure == "los" else _amount
        found[measure] = {end: tell(value) for end, value in bounds.items()} if known else None
    for name in ("insurance", "method"):
        found[name] = row[name]
    found["point_value"] = _amount(row["point_value"])
    why = row["pay_reason"]
    found["pay_reason"] = why
    found["pay_reason_text"] = None if why is None else text(f"reason.{why}", lang)
    found["drivers"] = [{**one, "text": driver_words(one, lang)} for one in row["drivers"] or ()]
    return found


def _reason(code: str, lang: str | None) -> dict[str, str]:
    return {"reason": text(f"reason.{code}", lang), "advice": text(f"advice.{code}", lang)}


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _days(value: float | None) -> float | None:
    return None if value is None else round(value, _CENTS)


def _rounded(probability: float | None) -> float | None:
    return None if probability is None else round(probability, _PLACES)


def _share(probability: float) -> str:
    return f"{probability:6.1%}"
