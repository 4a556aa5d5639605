"""Bar charts as SVG, written by hand: a bar a row, its length the median, a whisker for the interval; a dot
instead of a bar where the axis is logarithmic. On white, so that they can be read on any page.
"""

import dataclasses
import html
import math


@dataclasses.dataclass
class Bar:
    name: str
    value: float
    low: float
    high: float
    own: bool = False  # Rondo's


WIDTH, LEFT, RIGHT, TOP, STEP, THICK = 720, 190, 90, 44, 24, 15
OWN, OTHER, INK, FAINT = "#c2410c", "#94a3b8", "#1e293b", "#e2e8f0"


def bars(title: str, unit: str, rows: list[Bar], better: str, logarithmic: bool = False) -> str:
    most = max(max(r.high, r.value) for r in rows)
    least = 10 ** math.floor(math.log10(min(r.value for r in rows))) / 2 if logarithmic else 0.0
    room = WIDTH - LEFT - RIGHT

    def x(v: float) -> float:
        if logarithmic:
            v = max(v, least)
            return LEFT + room * math.log(v / least) / math.log(most / least)
        return LEFT + room * v / most

    height = TOP + STEP * len(rows) + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" font-family="sans-serif" font-size="12" role="img">',
        f"<title>{html.escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="white"/>',
        f'<text x="12" y="22" font-size="14" font-weight="bold" fill="{INK}">'
        f"{html.escape(title)}</text>",
        f'<text x="{WIDTH - 8}" y="22" text-anchor="end" fill="{INK}">{better} is better</text>',
    ]
    for tick in _ticks(least, most, logarithmic):
        at = f"{x(tick):.1f}"
        out.append(f'<line x1="{at}" y1="{TOP - 6}" x2="{at}" y2="{height - 22}" stroke="{FAINT}"/>')
        out.append(f'<text x="{at}" y="{height - 8}" text-anchor="middle" fill="{INK}">'
                   f"{_plain(tick)}</text>")
    out.append(f'<text x="{WIDTH - 8}" y="{height - 8}" text-anchor="end" fill="{INK}">'
               f"{html.escape(unit)}</text>")
    for i, row in enumerate(rows):
        top = TOP + STEP * i
        middle = top + THICK / 2
        colour = OWN if row.own else OTHER
        out.append(f'<text x="{LEFT - 8}" y="{middle + 4}" text-anchor="end" fill="{INK}">'
                   f"{html.escape(row.name)}</text>")
        end = x(row.value)
        if logarithmic:
            out.append(f'<path d="M{LEFT} {middle}H{end:.1f}" stroke="{colour}" stroke-dasharray="2 3"/>')
            out.append(f'<circle cx="{end:.1f}" cy="{middle}" r="{THICK / 3:.0f}" fill="{colour}"/>')
        else:
            out.append(f'<rect x="{LEFT}" y="{top}" width="{max(1.0, end - LEFT):.1f}" '
                       f'height="{THICK}" fill="{colour}"/>')
        out.append(f'<path d="M{x(row.low):.1f} {middle}H{x(row.high):.1f}" stroke="{INK}" '
                   'stroke-width="2"/>')
        room_for_dot = 10 if logarithmic else 6
        out.append(f'<text x="{x(max(row.high, row.value)) + room_for_dot:.1f}" y="{middle + 4}" '
                   f'fill="{INK}">{_plain(row.value)}</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


def _ticks(least: float, most: float, logarithmic: bool) -> list[float]:
    if logarithmic:
        first, last = math.ceil(math.log10(least)), math.floor(math.log10(most))
        return [10.0**n for n in range(first, last + 1)]
    step = 10 ** math.floor(math.log10(most))
    step = next(s for s in (step / 5, step / 2, step, step * 2) if most / s <= 6)
    return [step * n for n in range(int(most / step) + 1)]


def _plain(x: float) -> str:
    return f"{x:,.0f}" if abs(x) >= 100 else f"{x:.3g}"
