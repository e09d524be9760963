"""Charts as plain SVG that stands in a page: lines by day of stay, and points against a diagonal."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING

from markupsafe import Markup, escape

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

WIDTH, HEIGHT = 460, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 22, 14, 38
_TICKS = 4
_LEAST = 1e-9
"""Values that lie closer than this are one."""
_KEY = 18


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a chart.

    Attributes:
        label: in the key.
        values: one for each place of the axis; None leaves a gap.
        look: number of its colour; 0 is the model's.
    """

    label: str
    values: Sequence[float | None]
    look: int = 0


def line_chart(
    places: Sequence[str],
    drawn: Sequence[Line],
    *,
    below: str,
    form: Callable[[float], str],
    floor_: float | None = 0.0,
    target: float | None = None,
    band: tuple[float, float] | None = None,
) -> Markup:
    """Lines over places of equal distance.

    Args:
        places: words of the axis.
        drawn: the lines, the model's last so that it lies on top.
        below: what the axis counts.
        form: how a value is written.
        floor_: the axis begins there at the latest; None: at the least value.
        target: a dashed line.
        band: between these values the ground is shaded.
    """
    known = [value for one in drawn for value in one.values if value is not None]
    known += [*(band or ()), *([target] if target is not None else [])]
    if not known:
        return Markup("")
    low = min([*known, *([floor_] if floor_ is not None else [])])
    ticks = ticks_of(low, max(known))
    bottom, top = ticks[0], ticks[-1]
    high = _KEY * ((len(drawn) + 1) // 2)
    inner = WIDTH - _LEFT - _RIGHT

    def x(place: int) -> float:
        return _LEFT + inner * (place + 0.5) / len(places)

    def y(value: float) -> float:
        return _TOP + (HEIGHT - _TOP - _BOTTOM) * (top - value) / (top - bottom)

    parts = [_open(HEIGHT + high, [one.label for one in drawn])]
    if band:
        upper, lower = y(band[1]), y(band[0])
        parts.append(
            f'<rect class="band" x="{_LEFT}" y="{upper:.1f}" width="{inner}" height="{lower - upper:.1f}"/>'
        )
    parts += _grid(ticks, y, form)
    if target is not None:
        parts.append(
            f'<line class="target" x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y(target):.1f}" y2="{y(target):.1f}"/>'
        )
    for place, word in enumerate(places):
        parts.append(
            f'<text class="tick" x="{x(place):.1f}" y="{HEIGHT - _BOTTOM + 14}" text-anchor="middle">{escape(word)}</text>'
        )
    parts.append(_axis(below))
    for number, one in enumerate(drawn):
        parts += _path(one, x, y, form)
        parts += _entry(one.label, one.look, number)
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 -- words are escaped above


def diagonal_chart(
    points: Sequence[tuple[float, float, float]],
    *,
    below: str,
    beside: str,
    form: Callable[[float], str],
    whole: tuple[float, float] | None = None,
) -> Markup:
    """Points that should lie on the diagonal; their area goes with their weight.

    Args:
        points: what was said, what came, weight.
        below: what was said, in words.
        beside: what came, in words.
        form: how a value is written.
        whole: the ends of both axes; None: those of the values.
    """
    if not points:
        return Markup("")
    values = [value for one in points for value in one[:2]]
    low, high = whole or (min([*values, 0.0]), max(values))
    ticks = ticks_of(low, high)
    bottom, top = ticks[0], ticks[-1]
    side = HEIGHT - _TOP - _BOTTOM

    def x(value: float) -> float:
        return _LEFT + side * (value - bottom) / (top - bottom)

    def y(value: float) -> float:
        return _TOP + side * (top - value) / (top - bottom)

    wide = _LEFT + side + _RIGHT
    parts = [_open(HEIGHT, [beside], wide)]
    parts += _grid(ticks, y, form, wide)
    parts += [
        f'<text class="tick" x="{x(tick):.1f}" y="{HEIGHT - _BOTTOM + 14}" text-anchor="middle">{escape(form(tick))}</text>'
        for tick in ticks
    ]
    parts.append(
        f'<line class="target" x1="{x(bottom):.1f}" y1="{y(bottom):.1f}" x2="{x(top):.1f}" y2="{y(top):.1f}"/>'
    )
    most = max(one[2] for one in points) or 1.0
    for said, came, weight in points:
        size = 2.5 + 6.5 * (weight / most) ** 0.5
        parts.append(
            f'<circle class="c0" cx="{x(said):.1f}" cy="{y(came):.1f}" r="{size:.1f}">'
            f"<title>{escape(form(said))} → {escape(form(came))} ({weight:,.0f})</title></circle>"
        )
    parts.append(_axis(below, wide))
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 -- words are escaped above


def ticks_of(low: float, high: float) -> list[float]:
    """Round values from below the least to above the greatest one."""
    span = high - low
    if span < _LEAST:
        span = max(abs(high), _LEAST)
    rough = span / _TICKS
    size = 10.0 ** floor(log10(rough))
    step = next(size * by for by in (1, 2, 2.5, 5, 10) if size * by >= rough * (1 - 1e-9))
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [step * number for number in range(first, max(last, first + 1) + 1)]


def _open(high: int, words: Sequence[str], wide: int = WIDTH) -> str:
    label = escape(", ".join(words))
    return f'<svg viewBox="0 0 {wide} {high}" role="img" aria-label="{label}">'


def _grid(
    ticks: Sequence[float],
    y: Callable[[float], float],
    form: Callable[[float], str],
    wide: int = WIDTH,
) -> list[str]:
    return [
        f'<line class="grid" x1="{_LEFT}" x2="{wide - _RIGHT}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>'
        f'<text class="tick" x="{_LEFT - 6}" y="{y(tick) + 3.5:.1f}" text-anchor="end">{escape(form(tick))}</text>'
        for tick in ticks
    ]


def _axis(below: str, wide: int = WIDTH) -> str:
    middle = (_LEFT + wide - _RIGHT) / 2
    return f'<text class="axis" x="{middle:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{escape(below)}</text>'


def _path(
    line: Line,
    x: Callable[[int], float],
    y: Callable[[float], float],
    form: Callable[[float], str],
) -> list[str]:
    found, moves, drawing = [], [], False
    for place, value in enumerate(line.values):
        if value is None:
            drawing = False
            continue
        moves.append(f"{'L' if drawing else 'M'}{x(place):.1f} {y(value):.1f}")
        drawing = True
        found.append(
            f'<circle class="c{line.look}" cx="{x(place):.1f}" cy="{y(value):.1f}" r="2.6">'
            f"<title>{escape(line.label)} {escape(form(value))}</title></circle>"
        )
    return [f'<path class="l{line.look}" d="{" ".join(moves)}"/>', *found]


def _entry(label: str, look: int, number: int) -> list[str]:
    left = _LEFT + (number % 2) * (WIDTH - _LEFT) / 2
    high = HEIGHT + _KEY * (number // 2) + 4
    return [
        f'<path class="l{look}" d="M{left:.1f} {high} h18"/>',
        f'<text class="key" x="{left + 24:.1f}" y="{high + 4}">{escape(label)}</text>',
    ]
