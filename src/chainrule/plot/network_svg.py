"""A drawing of a network as an SVG element: text that needs no matplotlib, for pages and notebooks.

Colours come from classes and from the text around it, so that it is right on light and on dark ground.
"""

from __future__ import annotations

from html import escape

from chainrule import checks
from chainrule.errors import printable
from chainrule.nn import Network
from chainrule.ops.op import Samples
from chainrule.plot.network_layout import (
    LONG_NUMBER,
    NEGATIVE,
    NEUTRAL,
    POSITIVE,
    RADIUS,
    Highlight,
    NetworkLayout,
    drawn_network,
)

_STYLE = (
    ".network-drawing{font:12px system-ui,'Segoe UI',Roboto,'Noto Sans','Noto Sans Hebrew',sans-serif;color:inherit}"
    ".network-drawing text{fill:currentColor;stroke:none}"
    ".network-drawing .name{font-weight:600}.network-drawing .note{font-size:11px}"
    ".network-drawing .number,.network-drawing .value{font-size:10px}.network-drawing .dots{font-size:18px}"
    ".network-drawing .neuron circle,.network-drawing .box{fill:currentColor;fill-opacity:.06;stroke:currentColor}"
    ".network-drawing .on circle{stroke-width:3}"
    ".network-drawing path{fill:none;stroke-linecap:round}"
    f".network-drawing .positive{{stroke:{POSITIVE}}}.network-drawing .negative{{stroke:{NEGATIVE}}}"
    f".network-drawing .zero,.network-drawing .handed,.network-drawing .frozen{{stroke:{NEUTRAL}}}"
    ".network-drawing .zero{stroke-dasharray:.1 4}.network-drawing .frozen{stroke-dasharray:5 4}"
    f".network-drawing .arrow{{stroke:{NEUTRAL};stroke-width:1.6}}.network-drawing .head{{fill:{NEUTRAL};stroke:none}}"
    ".network-drawing .faint{opacity:.22}"
)


@checks.keywords
def network_svg(
    network: Network,
    x: Samples | None = None,
    y: Samples | None = None,
    *,
    show: str = "weights",
    language: str = "en",
    highlight: Highlight = (),
) -> str:
    """Return the drawing of `cr.plot.network` as an SVG element, for a page.

    Parameters
    ----------
    network, x, y, show, language, highlight
        As for `cr.plot.network`.

    Returns
    -------
    str
        ``<svg …>…</svg>``, with real text, and without anything from elsewhere.

    Raises
    ------
    InputError, NonFiniteError
        As `cr.plot.network` does.

    Examples
    --------
    >>> import chainrule as cr
    >>> svg = network_svg(cr.Network([cr.Dense(1, inputs=2)]), [[3.0, 4.0]])
    >>> svg.count("<circle"), "dense_1.weights[1, 0] = " in svg
    (3, True)
    """
    return as_svg(drawn_network("network_svg", network, x, y, show, language, highlight), language)


def as_svg(layout: NetworkLayout, language: str) -> str:
    """Return a layout as an SVG element."""
    body = [f"<title>{escape(layout.title)}</title><style>{_STYLE}</style>"]
    for line in layout.lines:
        classes = f"{line.kind}{' on' * line.on}{' faint' * line.faint}"
        told = f"<title>{escape(line.told)}</title>" if line.told else ""
        path = f'd="M{line.x1:.1f} {line.y1:.1f}L{line.x2:.1f} {line.y2:.1f}"'
        body.append(f'<path class="{classes}" {path} stroke-width="{line.width:.2f}">{told}</path>')
    for arrow in layout.arrows:
        points = " ".join(f"{x:.1f} {y:.1f}" for x, y in arrow.points)
        (x1, y1), (x2, y2) = arrow.points[-2:]
        faint = " faint" * arrow.faint
        body.append(f'<path class="arrow{faint}" d="M{points}"/>')
        body.append(f'<path class="head{faint}" d="{_head(x1, y1, x2, y2)}"/>')
    for box in layout.boxes:
        x, y = box.x - box.width / 2, box.y - box.height / 2
        size = f'width="{box.width:.1f}" height="{box.height:.1f}"'
        body.append(f'<rect class="box" x="{x:.1f}" y="{y:.1f}" {size} rx="7"/>')
    for circle in layout.circles:
        classes = f"neuron{' on' * circle.on}{' faint' * circle.faint}"
        small = ' style="font-size:8.4px"' if len(circle.text) > LONG_NUMBER else ""
        look = f'class="value"{small} x="{circle.x:.1f}" y="{circle.y + 3.5:.1f}" text-anchor="middle"'
        text = f"<text {look}>{escape(circle.text)}</text>"
        body.append(
            f'<g class="{classes}" data-layer="{escape(printable(circle.layer))}"><title>{escape(circle.told)}</title>'
            f'<circle cx="{circle.x:.1f}" cy="{circle.y:.1f}" r="{RADIUS:g}"/>{text if circle.text else ""}</g>'
        )
    for label in layout.labels:
        turn = f' transform="rotate({label.angle:.1f} {label.x:.1f} {label.y:.1f})"' if label.angle else ""
        direction = ' direction="rtl"' if language == "he" and label.kind == "note" else ""
        body.append(
            f'<text class="{label.kind}{" faint" * label.faint}" x="{label.x:.1f}" y="{label.y + 4:.1f}" '
            f'text-anchor="{label.anchor}"{turn}{direction}>{escape(label.text)}</text>'
        )
    size = f'width="{layout.width:.0f}" height="{layout.height:.0f}"'
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="network-drawing" role="img" direction="ltr" '
        f'aria-label="{escape(layout.title)}" viewBox="0 0 {layout.width:.0f} {layout.height:.0f}" {size}>'
        f"{''.join(body)}</svg>"
    )


def _head(x1: float, y1: float, x2: float, y2: float) -> str:
    """Return the path of an arrow's head."""
    far = max(((x2 - x1) ** 2 + (y2 - y1) ** 2) ** 0.5, 1e-9)
    dx, dy = (x2 - x1) / far, (y2 - y1) / far
    x, y = x2 - 8 * dx, y2 - 8 * dy
    return f"M{x2:.1f} {y2:.1f}L{x - 4 * dy:.1f} {y + 4 * dx:.1f}L{x + 4 * dy:.1f} {y - 4 * dx:.1f}Z"
