"""A drawing of a soak's log: a small chart for each column, all over the same time."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT, GAP, COLUMNS = 380, 90, 46, 3


def drawing(samples: Sequence[dict[str, float]]) -> str:
    """An SVG of all columns but the time."""
    names = [name for name in samples[-1] if name != "seconds" and not name.startswith("rss_")]
    rows = -(-len(names) // COLUMNS)
    width, height = COLUMNS * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP) + GAP
    charts = []
    for place, name in enumerate(names):
        x, y = GAP + place % COLUMNS * (WIDTH + GAP), GAP + place // COLUMNS * (HEIGHT + GAP)
        points = [(one["seconds"], one.get(name, 0.0)) for one in samples]
        charts.append(f'<g transform="translate({x} {y})">{_chart(name, points)}</g>')
    style = "text{font:12px sans-serif;fill:#444}polyline{fill:none;stroke:#2463c4;stroke-width:1.5}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
        f'<rect width="100%" height="100%" fill="#fff"/><style>{style}</style>{"".join(charts)}</svg>\n'
    )


def _chart(name: str, points: Sequence[tuple[float, float]]) -> str:
    most = max((value for _, value in points), default=0.0) or 1.0
    last = max((moment for moment, _ in points), default=0.0) or 1.0
    line = " ".join(f"{moment / last * WIDTH:.1f},{HEIGHT - value / most * HEIGHT:.1f}" for moment, value in points)
    return (
        f'<text y="-6">{escape(name)}, up to {most:,.0f}</text>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#ddd"/><polyline points="{line}"/>'
        f'<text x="{WIDTH}" y="{HEIGHT + 14}" text-anchor="end">{last / 60:,.0f} min</text>'
    )
