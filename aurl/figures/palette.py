"""Colours that people with any colour vision tell apart, and the look of a figure on paper.

The colours are Okabe and Ito's (Color Universal Design, 2008) without the yellow, which is too light on white.
"""

from __future__ import annotations

from typing import Any

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)), (0, (5, 1.2, 1, 1.2)))
SEVERITY_COLOURS = {"info": "#56B4E9", "warning": "#E69F00", "critical": "#D55E00", "fatal": "#000000"}


def look(number: int) -> tuple[str, Any]:
    """Colour and dash of the n-th line: seven colours, then the same ones dashed."""
    return COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]


RC: Any = {  # matplotlib types its keys one by one
    "font.size": 8,
    "font.family": "sans-serif",
    "axes.titlesize": 8,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.formatter.useoffset": False,
    "axes.unicode_minus": False,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.4,
    "lines.linewidth": 1.1,
    "lines.solid_joinstyle": "round",
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # text stays text, as journals ask
    "svg.fonttype": "none",
    "savefig.dpi": 300,
    "text.parse_math": False,  # a run called $\bad is a name, not a formula
}
