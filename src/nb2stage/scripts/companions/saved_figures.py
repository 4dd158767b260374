"""Figures of matplotlib, saved where a notebook would show them."""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

plt.switch_backend("agg")  # opens no windows


class Figures:
    """The pictures of one script, in a folder: `figure_1.png`, `figure_2.png`."""

    def __init__(
        self,
        folder: str,
        report: Any = None,
        link: str = "",
        suffix: str = "png",
        scale: int = 1,
        **options: Any,
    ) -> None:
        """With a report, pictures become parts of it, by a link that begins with `link`.

        The options are those of `savefig`; `scale` is for more pixels than a figure asks for.
        """
        self.folder, self.suffix = Path(folder), suffix
        self.report, self.link = report, link
        self.scale, self.options = scale, {"bbox_inches": "tight", **options}
        self.count = 0
        self.folder.mkdir(parents=True, exist_ok=True)

    def save_open(self, *_: object, **__: object) -> None:
        """Save and close the open figures, as `plt.show` of a notebook shows and closes them."""
        for number in plt.get_fignums():
            self.save(plt.figure(number))
        plt.close("all")

    def save(self, figure: Figure) -> None:
        """Save one figure, unless it is empty."""
        if not figure.axes:
            return
        self.count += 1
        name = f"figure_{self.count}"
        options = dict(self.options)
        if self.scale != 1:
            options["dpi"] = self.scale * figure.dpi
        if self.suffix == "svg":  # the same bytes in each run
            options.setdefault("metadata", {"Date": None})
        with plt.rc_context({"svg.hashsalt": ""}):
            figure.savefig(self.folder / f"{name}.{self.suffix}", **options)
        if self.report is not None:
            link = f"{self.link}/{name}.{self.suffix}"
            self.report.append(f"![{title_of(figure) or name}]({link})")


def title_of(figure: Figure) -> str:
    """The title of a figure, or those of its parts."""
    whole = figure.get_suptitle() if hasattr(figure, "get_suptitle") else ""
    titles = [whole] if whole else [axes.get_title() for axes in figure.axes]
    text = ", ".join(dict.fromkeys(" ".join(each.split()) for each in titles if each))
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")
