"""Tables that people open in a spreadsheet: CSV after RFC 4180 in which no cell is run."""

import csv
import io
import re
from collections.abc import Iterable
from typing import Final

# Without it Excel takes UTF-8 for the code page of the machine.
BYTE_ORDER_MARK: Final = "\ufeff"

# What a spreadsheet takes for a formula, in the wide forms of East Asian keyboards too.
_FORMULA: Final = "=+\\-@\uff1d\uff0b\uff0d\uff20"

# A cell may begin where we did not mean it to: after a line break, or after what another country's
# spreadsheet takes for a separator or the end of a quotation. At the very start white space may be cut away.
_BEGINS_FORMULA: Final = re.compile(rf"""(^\s*|[\r\n\t,;|"'])(?=[{_FORMULA}])""")


def csv_line(cells: Iterable[str]) -> str:
    """Return one line of a table, every cell quoted and none of them a formula to any spreadsheet."""
    line = io.StringIO()
    csv.writer(line, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerow([as_text(cell) for cell in cells])
    return line.getvalue()


def as_text(cell: str) -> str:
    """Return a cell that no spreadsheet runs: an apostrophe stands before what looks like a formula."""
    guarded = _BEGINS_FORMULA.sub(r"\1'", cell)
    # A tab or a line break at the start is itself run by some, and shown by none.
    return f"'{guarded}" if guarded[:1] in {"\t", "\r", "\n"} else guarded
