"""
Asking an artifact in the words of the file that it learned from.

Items are called what that file called them: names where ids are not numbers, ids otherwise.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from models.recommender.cli.printing import print_notice
from models.recommender.serving.scorer import Scorer
from models.recommender.values import DatasetInvalid, Scored


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

    def bought(self, names: Sequence[str]) -> list[int]:
        """Return the product ids of purchases, without those that the artifact does not know."""
        unknown = [name for name in dict.fromkeys(names) if name not in self.by_name]
        if unknown:
            shown = ", ".join(map(repr, unknown[:10]))
            print_notice(f"Not known to the artifact, and left out of the history: {shown}.")
        return [self.by_name[name] for name in names if name in self.by_name]

    def context(self, name: str | None) -> int | None:
        """
        Return the product id of the item on the page, if there is one.

        :raises DatasetInvalid: if the artifact does not know it
        """
        if name is not None and name not in self.by_name:
            raise DatasetInvalid(f"The artifact knows no item {name!r}.")
        return None if name is None else self.by_name[name]

    def spoken(self, scored: Scored) -> dict[str, Any]:
        """Return one answer as JSON holds it, items by their names where they have any."""
        told = asdict(scored)
        if self.scorer.item_names is not None:
            told["item"] = self.by_item[scored.item]
            if scored.reason.item is not None:
                told["reason"]["item"] = self.by_item[scored.reason.item]
        return told
