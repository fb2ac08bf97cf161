"""Draws lines as SVG. Pure functions.

The server draws, so the page needs no script and no inline style, which content security policies forbid. Input: a
title, a unit, lines. Output: one `<svg>` whose colours are classes of `clarion/health.css` and whose label describes
the newest values in words.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from .series import Line, Point

#: Sizes in units of the picture, which is scaled to its place.
WIDTH, HEIGHT = 640, 170
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 34

#: Horizontal lines with a number.
GRID = 4

#: Distance between two entries of the legend.
LEGEND_STEP = 150


def plot(title: str, unit: str, lines: Sequence[Line], begin: datetime, end: datetime) -> SafeString:
    """Draw one plot, from zero to a round number above the highest value."""
    highest = max((value for line in lines for _, value in line.points if value is not None), default=0.0)
    top = GRID * _step(highest / GRID, whole=not unit)
    label = f"{title}: " + ", ".join(f"{line.name} {shown(line.last)} {unit}".strip() for line in lines)
    return format_html(
        '<svg class="clarion-plot" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title>{}{}{}</svg>',
        WIDTH,
        HEIGHT,
        label,
        label,
        _grid(top, begin, end),
        format_html_join("", "{}", ((_drawn(number, line, top, begin, end),) for number, line in enumerate(lines))),
        format_html_join("", "{}", ((_legend(number, line, unit),) for number, line in enumerate(lines))),
    )


def shown(value: float | None) -> str:
    """Format a number for people."""
    if value is None:
        return "\N{EN DASH}"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _grid(top: float, begin: datetime, end: datetime) -> SafeString:
    lines = format_html_join(
        "",
        '<line class="grid" x1="{}" y1="{}" x2="{}" y2="{}"/>'
        '<text class="axis" x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (LEFT, f"{y:.1f}", WIDTH - RIGHT, f"{y:.1f}", LEFT - 6, f"{y + 4:.1f}", shown(top * step / GRID))
            for step in range(GRID + 1)
            for y in [_y(top * step / GRID, top)]
        ),
    )
    times = format_html(
        '<text class="axis" x="{}" y="{}">{}</text><text class="axis" x="{}" y="{}" text-anchor="end">{}</text>',
        LEFT,
        HEIGHT - BOTTOM + 14,
        f"{begin:%H:%M %Z}",
        WIDTH - RIGHT,
        HEIGHT - BOTTOM + 14,
        f"{end:%H:%M %Z}",
    )
    return format_html("{}{}", lines, times)


def _drawn(number: int, line: Line, top: float, begin: datetime, end: datetime) -> SafeString:
    placed = [
        [(f"{_x(at, begin, end):.1f}", f"{_y(value, top):.1f}") for at, value in stretch]
        for stretch in _without_gaps(line.points)
    ]
    # A line through a single point would not be visible.
    points = ((number, *stretch[0]) for stretch in placed if len(stretch) == 1)
    longer = ((number, " ".join(map(",".join, stretch))) for stretch in placed if len(stretch) > 1)
    return format_html(
        "{}{}",
        format_html_join("", '<circle class="key s{}" cx="{}" cy="{}" r="3"/>', points),
        format_html_join("", '<polyline class="line s{}" points="{}"/>', longer),
    )


def _without_gaps(points: Sequence[Point]) -> Iterator[list[tuple[datetime, float]]]:
    for has_value, stretch in groupby(points, key=lambda point: point[1] is not None):
        if has_value:
            yield [(at, value) for at, value in stretch if value is not None]


def _legend(number: int, line: Line, unit: str) -> SafeString:
    x, y = LEFT + number * LEGEND_STEP, HEIGHT - 6
    return format_html(
        '<rect class="key s{}" x="{}" y="{}" width="10" height="3"/><text class="axis" x="{}" y="{}">{}</text>',
        number,
        x,
        y - 5,
        x + 15,
        y,
        f"{line.name}: {shown(line.last)} {unit}".strip(),
    )


def _x(at: datetime, begin: datetime, end: datetime) -> float:
    share = (at - begin) / (end - begin) if end > begin else 0
    return LEFT + min(max(share, 0), 1) * (WIDTH - LEFT - RIGHT)


def _y(value: float, top: float) -> float:
    return TOP + (1 - value / top) * (HEIGHT - TOP - BOTTOM)


def _step(value: float, *, whole: bool) -> float:
    """Return the distance of the lines: 1, 2 or 5 times a power of ten, not less than the value; counts are whole."""
    if value <= 0 or (whole and value < 1):
        return 1.0 if whole else 0.25
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * step for step in (1, 2, 5, 10) if power * step >= value * 0.999999)
