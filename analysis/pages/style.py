"""The one look of all figures: quiet axes, and colours that the colour-blind can tell apart.

Colours are Okabe and Ito's: measured is blue, the truth is ink, limits and outages are vermilion.
"""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import matplotlib
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, GREY, PALE = "#222222", "#767676", "#e4e4e4"
MEASURED, BACK, BAD = "#0072B2", "#E69F00", "#D55E00"
SERIES = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"]

STAGES = {  # of tasks: waiting is grey
    "command": "#F0E442", "view": "#d0d0d0", "await": "#808080", "contact": "#a8a8a8",
    "acquisition": "#CC79A7", "transfer": "#56B4E9", "queue": "#D55E00", "compute": "#009E73",
    "delivery": "#0072B2", "backhaul": "#E69F00",
}  # fmt: skip

# Fonts with Chinese characters that may be there, for labels of nodes.
HAN = sorted(
    {
        "Noto Sans CJK SC", "Noto Sans CJK JP", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Microsoft YaHei",
        "SimHei", "PingFang SC",
    }.intersection(font_manager.get_font_names())
)  # fmt: skip

STYLE: dict[str, Any] = {
    "figure.dpi": 100,
    "savefig.dpi": 160,  # of the dots, which are pixels inside the drawing
    "font.family": ["DejaVu Sans", *HAN],
    "font.size": 9.5,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titlecolor": GREY,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": PALE,
    "grid.linewidth": 0.7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.4,
    "svg.hashsalt": "skybed",  # the same figure is the same file
    "pdf.fonttype": 42,  # text stays text: journals ask for it
}
WIDTH_IN = 7.0
DOTS: dict[str, Any] = {"linestyle": "none", "marker": ".", "markersize": 3, "rasterized": True}


# What figures can be saved as, and what of it would be another one each time.
FORMATS: dict[str, dict[str, None]] = {
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "png": {"Software": None},
}


class Picture(NamedTuple):
    """One figure, painted in the house's style when it is asked for."""

    height_in: float
    paint: Callable[[Figure], None]

    def drawn(self, form: str) -> bytes:
        """form: of FORMATS."""
        with matplotlib.rc_context(STYLE):  # type: ignore[arg-type]
            figure = Figure(figsize=(WIDTH_IN, self.height_in), layout="constrained")
            self.paint(figure)
            out = io.BytesIO()
            with warnings.catch_warnings(record=True) as caught:
                figure.savefig(out, format=form, metadata=FORMATS[form])
        for warning in caught:
            if not str(warning.message).startswith("Glyph "):
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
            else:
                _lack_a_font()
        return out.getvalue()


@cache
def _lack_a_font() -> None:
    """Said once."""
    print(
        "No font here has all characters of the figures: boxes stand in their place. For Chinese install "
        "one, such as Debian's fonts-noto-cjk or fonts-wqy-zenhei.",
        file=sys.stderr,
    )


def time_axis(axes: Axes, start_s: float, end_s: float) -> None:
    """The horizontal axis of everything that is over run time."""
    axes.set_xlim(start_s, max(end_s, start_s + 1e-3))  # of a run that broke off at once, too
    axes.set_xlabel("run time (s)")


def legend(axes: Axes, columns: int = 3, of: Axes | None = None) -> None:
    """A legend above the axes, where it covers nothing, of what these axes or others show."""
    axes.legend(
        *(of or axes).get_legend_handles_labels(),
        loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=columns, borderaxespad=0.2, handlelength=1.4,
        columnspacing=1.2, markerscale=2.5,
    )  # fmt: skip
