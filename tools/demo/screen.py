"""Progress: one living line a step for a person at a terminal, sparse lines for a log."""

import shutil
import sys
import time
from collections.abc import Callable
from typing import TextIO

BAR_CELLS = 24
MOST_COLUMNS = 110
# As long as the longest title, so that the seconds stand in one column.
TITLE_COLUMNS = 40
# A log that is read later needs to show that a step lives, not every change of it.
LOG_EVERY_SECONDS = 15.0


class Screen:
    """
    Show steps one after another. Each begins, may report progress, and ends once.

    :param clock: seconds that never go back, a parameter for tests
    """

    def __init__(self, stream: TextIO = sys.stdout, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._alive = stream.isatty()
        self._title = ""
        self._began = 0.0
        self._last_shown = 0.0

    def begin(self, title: str) -> None:
        """Open a step. A step still open is closed without a detail."""
        if self._title:
            self.end()
        self._title = title
        self._began = self._last_shown = self._clock()
        if self._alive:
            self._rewrite(f"  … {title}")

    def progress(
        self, text: str = "", *, done: int | None = None, total: int | None = None, unit: str | None = None
    ) -> None:
        """Show how far the open step is, if one is; cheap enough to be called at every poll."""
        if not self._title:
            return
        now = self._clock()
        amount = amount_text(done, total, unit, bar=self._alive)
        parts = (f"  … {self._title}", amount, text, f"{now - self._began:.0f} s")
        line = "  ".join(part for part in parts if part)
        if self._alive:
            self._rewrite(line)
        elif now - self._last_shown >= LOG_EVERY_SECONDS:
            self._last_shown = now
            self._print(line)

    def end(self, detail: str = "") -> None:
        """Close the open step as done."""
        self._close("✓", detail)

    def fail(self, detail: str) -> None:
        """Close the open step as failed."""
        self._close("✗", detail)

    def note(self, text: str = "") -> None:
        """Print lines that stay."""
        self._clear()
        self._print(text)

    def _close(self, mark: str, detail: str) -> None:
        if not self._title:
            return
        seconds = self._clock() - self._began
        self._clear()
        self._print(f"  {mark} {self._title:<{TITLE_COLUMNS}} {seconds:6.1f} s  {detail}".rstrip())
        self._title = ""

    def _clear(self) -> None:
        if self._alive:
            self._stream.write("\r\x1b[K")

    def _rewrite(self, line: str) -> None:
        # A line that wraps could not be taken back.
        columns = min(MOST_COLUMNS, shutil.get_terminal_size().columns - 1)
        self._stream.write("\r\x1b[K" + line[:columns])
        self._stream.flush()

    def _print(self, line: str) -> None:
        self._stream.write(line + "\n")
        self._stream.flush()


def amount_text(done: int | None, total: int | None, unit: str | None, *, bar: bool) -> str:
    """Return "1,200 of 25,900 orders" with a bar before it if wanted, or less where less is known."""
    if done is None:
        return ""
    if not total:
        return f"{done:,} {unit or ''}".rstrip()
    cells = min(BAR_CELLS, BAR_CELLS * done // total)
    drawn = f"[{'█' * cells}{'·' * (BAR_CELLS - cells)}] " if bar else ""
    # "5 of 100 %" is not how anyone says it.
    amount = f"{100 * done // total}" if unit == "%" else f"{done:,} of {total:,}"
    return f"{drawn}{amount} {unit or ''}".rstrip()
