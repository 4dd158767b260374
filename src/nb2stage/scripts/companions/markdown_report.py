"""A report in markdown of what a script shows and prints."""

import sys
from pathlib import Path
from typing import Any

FENCE = "~~~"


class Report:
    """The parts of a report in their order: texts, and lists of what was printed in one go."""

    def __init__(self, printed: bool = False) -> None:
        """With `printed`, all that is printed until the report is written stands in it too."""
        self.parts: list[str | list[str]] = []
        self.terminal = sys.stdout.write
        self.listens = printed
        if printed:
            sys.stdout.write = self.listen  # type: ignore[method-assign]

    def append(self, text: str) -> None:
        """Add a text."""
        self.parts.append(text)

    def listen(self, text: str) -> int:
        """Print a text, and add it."""
        last = self.parts[-1] if self.parts else ""
        if isinstance(last, str):
            self.parts.append([text])
        else:
            last.append(text)
        return self.terminal(text)

    def print(self, *values: object, sep: str | None = " ", end: str | None = "\n") -> None:
        """Print values, and add them as they are printed."""
        text = (" " if sep is None else sep).join(map(str, values))
        self.listen(text + ("\n" if end is None else end))

    def show(self, *values: Any) -> None:
        """Print values, and add them as a notebook shows them."""
        for value in values:
            if value is not None:
                self.terminal(f"{value}\n")
                self.append(shown(value))

    def write(self, path: str) -> None:
        """Write the report; what is printed from now on does not belong to it."""
        if self.listens:
            sys.stdout.write = self.terminal  # type: ignore[method-assign]
        parts = [part if isinstance(part, str) else fenced("".join(part).strip("\n")) for part in self.parts]
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def fenced(text: str) -> str:
    """A text as it stands."""
    return f"{FENCE}\n{text}\n{FENCE}"


def shown(value: Any) -> str:
    """A value as a part of a report: frames are tables."""
    pandas, ipython = sys.modules.get("pandas"), sys.modules.get("IPython.display")
    style = sys.modules.get("pandas.io.formats.style")
    if style and isinstance(value, style.Styler):
        return str(value.to_html(exclude_styles=True))
    if ipython and isinstance(value, (ipython.HTML, ipython.Latex, ipython.Markdown)):
        return str(value.data)
    if pandas and isinstance(value, pandas.DataFrame) and not value.empty:
        return table(value, pandas.options.display)
    return fenced(str(value))


def table(frame: Any, options: Any) -> str:
    """A frame as a table of markdown, with its rows and numbers as pandas prints them."""
    form = {"index": False, "header": False, "max_rows": options.max_rows, "min_rows": options.min_rows}
    columns = [frame.index.to_series(), *(column for _, column in frame.items())]
    cells = zip(*(column.to_string(**form).split("\n") for column in columns), strict=False)
    head = [frame.index.name or "", *frame.columns]
    rows = [[str(cell).strip().replace("|", "\\|") for cell in row] for row in (head, *cells)]
    rows.insert(1, ["---"] * len(head))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
