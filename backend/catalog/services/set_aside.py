"""Records of a bulk result that could not be brought in: counted, named, and some of them kept for people."""

import json
import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

# As many as a person reads; the count tells the rest.
MOST_SAMPLES: Final = 20
MOST_LETTERS: Final = 200

# A record's own id comes first, and it is legible when the rest is not. Without its end it is another's.
_ID: Final = re.compile(r'"id"\s*:\s*"gid://shopify/(\w{1,40})/(\d{1,18})"')
# What is left of a value where a line breaks off.
_HALF_VALUE: Final = re.compile(r"t|tr|tru|f|fa|fal|fals|n|nu|nul|[-+.eE\d]*", re.ASCII)
_HALF_TEXT: Final = ("Unterminated string", "Invalid \\")
_PARENT: Final = '"__parentId"'


class Named(NamedTuple):
    """What a record is about: Shopify's name of the kind, and the number."""

    kind: str
    number: int


@dataclass(frozen=True)
class Record:
    """What can be told of a record that makes no sense."""

    named: Named | None
    is_root: bool


@dataclass(frozen=True)
class Sample:
    """One record that was set aside, and why."""

    line: int
    what: str
    why: str

    def in_words(self) -> str:
        """Return the sample as a sentence."""
        return f"Line {self.line}, {self.what}: {self.why}."


@dataclass
class SetAside:
    """
    What was set aside of one file.

    :ivar roots: the products or orders among them
    :ivar staged_roots: those of them that were taken for good until their columns were seen
    :ivar has_nameless: whether any does not tell what it is about, so that nothing may be taken for missing
    """

    count: int = 0
    roots: int = 0
    staged_roots: int = 0
    has_nameless: bool = False
    named: set[Named] = field(default_factory=set)
    samples: list[Sample] = field(default_factory=list)

    def add(self, record: Record, line: int, why: str) -> None:
        """Count a record, and keep it as a sample while there are few."""
        self.count += 1
        self.roots += record.is_root
        if record.named is None:
            self.has_nameless = True
        else:
            self.named.add(record.named)
        if len(self.samples) < MOST_SAMPLES:
            what = f"{record.named.kind} {record.named.number}" if record.named else "a record without an id"
            self.samples.append(Sample(line, what, why[:MOST_LETTERS]))

    def in_words(self) -> str:
        """Return what people should know; empty if nothing was set aside."""
        if not self.count:
            return ""
        first = self.samples[0].in_words()
        if self.count == 1:
            return f"1 record was left out because it could not be read or stored. {first}"
        return f"{self.count:,} records were left out because they could not be read or stored. {first}"


def name_record(line: bytes | str) -> Record:
    """Return what can be told of a record, however broken."""
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    found = _ID.search(text)
    named = Named(found[1], int(found[2])) if found else None
    return Record(named, is_root=_PARENT not in text)


def breaks_off(line: bytes | str) -> bool:
    """Tell whether a line is the first part of a record: the file ended too soon."""
    text = (line.decode("utf-8", "replace") if isinstance(line, bytes) else line).rstrip()
    if not text.startswith("{"):
        return False
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        is_half_text = error.msg.startswith(_HALF_TEXT) and not text.endswith("}")
        return is_half_text or bool(_HALF_VALUE.fullmatch(text[error.pos :]))
    except (ValueError, RecursionError):
        pass
    return False
