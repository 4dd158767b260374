"""A report in markdown of what a script shows and prints."""

import io
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FENCE = "~~~"


class Report:
    """The parts of a report in their order: texts, and lists of what was printed in one go."""

    def __init__(self, *parts: str, printed: bool = False) -> None:
        """With `printed`, all that is printed until the report is written stands in it too."""
        self.parts: list[str | list[str]] = [*parts]
        self.terminal = sys.stdout.write
        self.listens = printed
        if printed:
            sys.stdout.write = self.listen  # type: ignore[method-assign]

    def append(self, text: str) -> None:
        """Add a text."""
        self.parts.append(text)

    def link_files(self, folder: str, link: str) -> None:
        """Add the pictures in a folder, and links to its pages."""
        for file in sorted(Path(folder).iterdir(), key=by_number):
            bang = "" if file.suffix == ".html" else "!"
            self.append(f"{bang}[{file.stem}]({link}/{file.name})")

    def listen(self, text: str) -> int:
        """Print a text, and add it."""
        last = self.parts[-1] if self.parts else ""
        if isinstance(last, str):
            self.parts.append([text])
        else:
            last.append(text)
        return self.terminal(text)

    def print(
        self,
        *values: object,
        sep: str | None = None,
        end: str | None = None,
    ) -> None:
        """Print values, and add them as they are printed."""
        with io.StringIO() as file:
            print(*values, sep=sep, end=end, file=file)
            self.listen(file.getvalue())

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
        text = "\n\n".join(map(text_of, self.parts)) + "\n"
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")


def by_number(path: Path) -> tuple[int, str]:
    """The order of `figure_2.png` and `figure_10.png`."""
    return len(path.stem), path.name


def text_of(part: str | list[str]) -> str:
    """A part as it stands in the report."""
    return part if isinstance(part, str) else fenced("".join(part).strip("\n"))


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
    rows = {"max_rows": options.max_rows, "min_rows": options.min_rows}
    columns = [frame.index.to_series(), *(column for _, column in frame.items())]
    texts = [column.to_string(index=False, header=False, **rows) for column in columns]
    head = [frame.index.name or "", *frame.columns]
    cells = zip(*(text.split("\n") for text in texts), strict=False)
    lines = [table_row(head), table_row(["---"] * len(head)), *map(table_row, cells)]
    return "\n".join(lines)


def table_row(cells: Iterable[object]) -> str:
    """A row of a table of markdown."""
    texts = [str(cell).strip().replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(texts)} |"
