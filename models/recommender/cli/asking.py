"""
Asking an artifact in the words of the file that it learned from.

Items are called what that file called them: names where ids are not numbers, ids otherwise.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.recommender.serving.scorer import Past, Scorer
from models.recommender.values import DatasetInvalid, Scored

if TYPE_CHECKING:
    from models.recommender.files.text import Tell


@dataclass(frozen=True)
class Question:
    """After what an artifact is asked, and when, microseconds since 1970."""

    past: Past | list[int]
    now: int | None


@dataclass(frozen=True)
class Names:
    """What the items of an artifact are called."""

    scorer: Scorer

    @cached_property
    def by_item(self) -> dict[int, str]:
        """The name of each product id."""
        ids = self.scorer.item_ids.tolist()
        return dict(zip(ids, self.scorer.item_names or map(str, ids), strict=True))

    @cached_property
    def by_name(self) -> dict[str, int]:
        """The product id of each name."""
        return {name: item for item, name in self.by_item.items()}

    def bought(self, names: Sequence[str], tell: "Tell", *, now: int | None) -> Question:
        """Return the question after purchases of these items at unknown moments."""
        self._tell_unknown(names, tell)
        return Question([self.by_name[name] for name in names if name in self.by_name], now)

    def done_by(self, customer: str, file: Path, tell: "Tell", *, now: int | None) -> Question:
        """
        Return the question after what a customer did by an interactions file.

        It is asked at ``now``, or at the end of the file, as a visitor of that day would.

        :raises DatasetInvalid: if the file cannot be read or has no such customer
        """
        from models.recommender.files.interactions import read

        reading = read(file, now=now, tell=tell)
        log = reading.log.where(reading.log.user == reading.user(customer))
        names = [log.item_names[item] if log.item_names else str(log.item_ids[item]) for item in log.item]
        self._tell_unknown(names, tell)
        is_known = np.array([name in self.by_name for name in names], dtype=np.bool_)
        items = np.array([self.by_name[name] for name in names if name in self.by_name], dtype=np.int64)
        end = int(reading.log.at.max()) if log.has_clock else None
        return Question(Past(items, log.at[is_known], log.event[is_known]), end if now is None else now)

    def context(self, name: str | None) -> int | None:
        """
        Return the product id of the item on the page, if there is one.

        :raises DatasetInvalid: if the artifact does not know it
        """
        if name is not None and name not in self.by_name:
            raise DatasetInvalid(f"The artifact knows no item {name!r}.")
        return None if name is None else self.by_name[name]

    def _tell_unknown(self, names: Sequence[str], tell: "Tell") -> None:
        unknown = [name for name in dict.fromkeys(names) if name not in self.by_name]
        if unknown:
            shown = ", ".join(repr(name) for name in unknown[:10])
            tell(f"Not known to the artifact, and left out of the history: {shown}.")

    def spoken(self, scored: Scored) -> dict[str, Any]:
        """Return one answer as JSON holds it, items by their names where they have any."""
        told = asdict(scored)
        if self.scorer.item_names is not None:
            told["item"] = self.by_item[scored.item]
            if scored.reason.item is not None:
                told["reason"]["item"] = self.by_item[scored.reason.item]
        return told
