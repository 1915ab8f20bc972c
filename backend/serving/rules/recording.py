"""
The flight recorder: what went into an answer as named bytes for the ledger, and back.

What many answers share has names of its own, so that it is stored once. What is a visitor's own is one
input, because it is erased with them; nothing that is empty is recorded.

    shelf, shelf.base   what the shop could show, newest first, and the popular products
    new, new.base       the products that the model was told of since its training
    mates               the products of the page's collections, where they were asked for
    setting             what the merchant had set, why a model was missing, which rollout chose the version,
                        the candidate beside it, and by which chance the list has its order; absent where
                        all was as usual
    teams               whose each place of a list is that two versions drafted
    candidate.new, candidate.new.base   what the candidate of such a list was told of
    words               what products that reasons name were called
    visitor             a visitor's past and visit, and what the products in them were called
"""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import numpy as np

from backend.audit.values import DecisionRecord
from backend.features.values import Past
from backend.rollouts.values import HOLDOUT
from backend.serving.rules import packing
from backend.serving.rules.packing import differences, pack, split, sums, unpack
from backend.serving.values import Exploration, Query, Shelf
from models.recommender.api import ItemFacts, NewProduct

SHELF: Final = "shelf"
NEW: Final = "new"
MATES: Final = "mates"
SETTING: Final = "setting"
WORDS: Final = "words"
VISITOR: Final = "visitor"
LAST_ANSWER: Final = "last_answer"
MADE_AHEAD: Final = "made_ahead"

# What of an answer is its visitor's own and goes with the tie to them.
PERSONAL: Final = frozenset({VISITOR, LAST_ANSWER})

SECOND: Final = 1_000_000  # microseconds; orders come in whole seconds
MOST_SHELVES: Final = 8
# Where the merchant set nothing, a model answered, nothing was known of who asked, and no rollout drew them.
USUAL: Final[Mapping[str, Any]] = {
    "reason": "",
    "new": True,
    "visitor": False,
    "rollout": "",
    "candidate": "",
    "exploration": None,
}
# Before the names of what the second of two versions was told.
OF_CANDIDATE: Final = "candidate."


class MissingInput(Exception):
    """A replay asks for something that is not on record, by its name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The input {name} is not on record.")
        self.name = name


@dataclass(slots=True)
class NotedWords:
    """
    What of the products' words went into an answer.

    :param absent: products that would have been chosen, and that the catalogue lacked or could not tell of
    """

    titles: dict[int, str] = field(default_factory=dict)
    types: dict[int, str] = field(default_factory=dict)
    absent: set[int] = field(default_factory=set)

    def part(self, product_ids: Collection[int | None], *, inside: bool) -> "NotedWords":
        """Return what is noted of some products, or of all others."""
        titles = {one: text for one, text in self.titles.items() if (one in product_ids) is inside}
        types = {one: text for one, text in self.types.items() if (one in product_ids) is inside}
        return NotedWords(titles, types, {one for one in self.absent if (one in product_ids) is inside})


# Shared states


def pack_shelf(newest: Sequence[int], popular: Sequence[int]) -> bytes:
    """Return what a shop can show."""
    return pack([len(popular), *differences([*popular, *newest])])


def _unpack_shelf(content: bytes) -> Shelf:
    numbers = unpack(content)
    ids = sums(numbers[1:]).tolist()
    newest = tuple(ids[numbers[0] :])
    return Shelf(newest, frozenset(newest), tuple(ids[: numbers[0]]))


def pack_products(products: Iterable[NewProduct]) -> bytes:
    """Return what a model was told of since its training."""
    rows = [
        [one.item, one.facts.title, dict(one.facts.attributes), one.facts.price, one.created_at]
        for one in products
    ]
    return _json(rows) if rows else b""


def _unpack_products(content: bytes) -> tuple[NewProduct, ...]:
    return tuple(
        NewProduct(item, ItemFacts(title, {name: tuple(said) for name, said in told.items()}, price), at)
        for item, title, told, price, at in json.loads(content)
    )


def pack_ids(product_ids: Sequence[int]) -> bytes:
    """Return a list of products."""
    return pack([len(product_ids), *differences(product_ids)])


def _unpack_ids(content: bytes) -> list[int]:
    found: list[int] = sums(unpack(content)[1:]).tolist()
    return found


def pack_setting(
    *,
    reason: str,
    shows_new_products: bool,
    has_visitor: bool,
    rollout: str,
    candidate: str,
    exploration: Exploration | None = None,
) -> bytes:
    """
    Return why a model was missing, what the merchant had set, and whether a visitor's input belongs here.

    Nothing where all was as usual.

    :param rollout: that chose the arm, empty where none did
    :param candidate: the version that drafted the list with the decision's own, empty where none did
    :param exploration: by which chance the list has its order, None where it could have no other
    """
    setting = {
        "reason": reason,
        "new": shows_new_products,
        "visitor": has_visitor,
        "rollout": rollout,
        "candidate": candidate,
        "exploration": exploration and {**asdict(exploration), "propensity": exploration.propensity},
    }
    unusual = {name: value for name, value in setting.items() if value != USUAL[name]}
    return _json(unusual) if unusual else b""


# A visitor


def pack_visit(query: Query) -> bytes:
    """Return what is known of a visitor and their visit; nothing where that is nothing."""
    past = query.past
    visit = (*query.recent, *query.cart, *query.exclude)
    if not len(past.items) and not visit:
        return b""
    unit = SECOND if not np.any(past.at % SECOND) else 1
    head = [unit == SECOND, len(past.items), len(query.recent), len(query.cart), len(query.exclude)]
    ids = differences(np.concatenate([past.items, np.array(visit, dtype=np.int64)]))
    return pack(np.concatenate([head, ids, differences(past.at // unit), past.events]).astype(np.int64))


def _unpack_visit(packed: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the fields of a query, and the bytes that follow them."""
    head, _ = split(packed, 5)
    is_seconds, steps, recent, cart, exclude = head.tolist()
    count = steps + recent + cart + exclude
    numbers, rest = split(packed, len(head) + count + 2 * steps)
    ids = sums(numbers[len(head) :][:count])
    at, events = numbers[len(head) + count :][:steps], numbers[len(head) + count + steps :]
    past = Past(ids[:steps], sums(at) * (SECOND if is_seconds else 1), events.astype(np.int8))
    visit = ids[steps:].tolist()
    told = {
        "recent": visit[:recent],
        "cart": visit[recent : recent + cart],
        "exclude": visit[recent + cart :],
    }
    return {"past": past} | {name: tuple(listed) for name, listed in told.items()}, rest


def pack_words(noted: NotedWords) -> bytes:
    """Return what products were called; nothing where nobody asked."""
    if not noted.titles and not noted.types and not noted.absent:
        return b""
    ids = [*noted.titles, *noted.types, *sorted(noted.absent)]
    numbers = pack([len(noted.titles), len(noted.types), len(noted.absent), *differences(ids)])
    # No text of PostgreSQL holds a NUL.
    return numbers + "\0".join([*noted.titles.values(), *noted.types.values()]).encode()


def _unpack_words(packed: bytes) -> NotedWords:
    head, _ = split(packed, 3)
    titles, types, absent = head.tolist()
    numbers, rest = split(packed, 3 + titles + types + absent)
    ids, texts = sums(numbers[3:]).tolist(), rest.decode().split("\0")
    return NotedWords(
        dict(zip(ids[:titles], texts[:titles], strict=True)),
        dict(zip(ids[titles : titles + types], texts[titles : titles + types], strict=True)),
        set(ids[titles + types :]),
    )


def pack_visitor(query: Query, noted: NotedWords) -> dict[str, bytes]:
    """Return by name what is known of who asked, and what products were called."""
    visit = pack_visit(query)
    if not visit:
        return {WORDS: pack_words(noted)}
    # What the page's own product is called is nobody's secret, and the same for all who look at it.
    page = {query.context_product_id} - {None}
    own, public = noted.part(page, inside=False), noted.part(page, inside=True)
    return {VISITOR: visit + pack_words(own), WORDS: pack_words(public)}


# Reading back


@dataclass(frozen=True)
class RecordedWorld:
    """The world as a decision's inputs tell it. Whoever asks for what is not there is told so."""

    inputs: Mapping[str, bytes]
    noted: NotedWords
    shelf: Shelf
    setting: Mapping[str, Any]

    @property
    def shows_new_products(self) -> bool:
        """Whether the merchant kept a place for new products."""
        return bool(self.setting["new"])

    @property
    def reason(self) -> str:
        """Why a model was missing; empty where it was not."""
        return str(self.setting["reason"])

    @property
    def candidate(self) -> UUID | None:
        """The version that drafted the list with the decision's own; None where none did."""
        return UUID(self.setting["candidate"]) if self.setting["candidate"] else None

    @property
    def exploration(self) -> Exploration | None:
        """By which chance the list has its order; None where it could have no other."""
        return read_exploration(self.setting)

    @property
    def absent(self) -> AbstractSet[int]:
        """Products that could not be shown."""
        return self.noted.absent

    def mates(self, product_id: int) -> Sequence[int]:
        """
        Return the products that shared a collection with the page's.

        :raises MissingInput: if nobody asked then
        """
        if MATES not in self.inputs:
            raise MissingInput(MATES)
        return _unpack_ids(self.inputs[MATES])

    @property
    def last_answer(self) -> Sequence[int]:
        """What the visitor was shown last on this page; an empty list leaves no record."""
        return _unpack_ids(self.inputs[LAST_ANSWER]) if LAST_ANSWER in self.inputs else ()

    def made_ahead(self, page: int | None) -> Sequence[int]:
        """Return the page's list made ahead; an empty one leaves no record."""
        return _unpack_ids(self.inputs[MADE_AHEAD]) if MADE_AHEAD in self.inputs else ()

    def words(self, product_ids: Collection[int]) -> "RecordedWorld":
        """Return what the shop called its products."""
        return self

    def has(self, product_id: int) -> bool:
        """Return whether the catalogue had the product."""
        return product_id not in self.noted.absent

    def title(self, product_id: int) -> str | None:
        """Return what a product was called. :raises MissingInput: if nobody asked then"""
        return _found(self.noted.titles, product_id) or None

    def product_type(self, product_id: int) -> str:
        """Return what kind of thing a product was. :raises MissingInput: if nobody asked then"""
        return _found(self.noted.types, product_id)


def _found(texts: Mapping[int, str], product_id: int) -> str:
    if product_id not in texts:
        raise MissingInput(WORDS)
    return texts[product_id]


def read_query(decision: DecisionRecord, inputs: Mapping[str, bytes]) -> tuple[Query, NotedWords]:
    """
    Return what a decision was asked for, and what the products in its reasons were called.

    :raises packing.Unreadable: if an input is not what was written
    """
    told, named = _unpack_visit(inputs[VISITOR]) if VISITOR in inputs else ({}, b"")
    noted = NotedWords()
    for packed in (named, inputs.get(WORDS, b"")):
        if packed:
            part = _unpack_words(packed)
            noted.titles |= part.titles
            noted.types |= part.types
            noted.absent |= part.absent
    query = Query(
        surface=decision.surface,
        limit=decision.requested,
        now=decision.at,
        context_product_id=decision.context_product_id,
        is_held_out=decision.arm == HOLDOUT,
        **told,
    )
    return query, noted


def is_erased(inputs: Mapping[str, bytes]) -> bool:
    """Return whether something of the visitor's own went in and is on record no more."""
    return bool(read_setting(inputs)["visitor"]) and not PERSONAL & inputs.keys()


def read_world(inputs: Mapping[str, bytes], noted: NotedWords) -> RecordedWorld:
    """
    Return the world that a decision was made in.

    :raises MissingInput: if the shelf is not on record
    :raises packing.Unreadable: if an input is not what was written
    """
    if SHELF + packing.BASE not in inputs:
        raise MissingInput(SHELF + packing.BASE)
    shelf = _restored_shelf(inputs[SHELF + packing.BASE], inputs.get(SHELF))
    return RecordedWorld(inputs, noted, shelf, read_setting(inputs))


# A shelf of 20,000 products takes milliseconds to read, and most answers of a minute saw the same one.
@lru_cache(maxsize=MOST_SHELVES)
def _restored_shelf(base: bytes, patch: bytes | None) -> Shelf:
    parts = {SHELF + packing.BASE: base} | ({} if patch is None else {SHELF: patch})
    return _unpack_shelf(packing.restore(SHELF, parts))


def read_setting(inputs: Mapping[str, bytes]) -> Mapping[str, Any]:
    """Return what :func:`pack_setting` packed, or what is usual."""
    return {**USUAL, **json.loads(inputs.get(SETTING, b"{}"))}


def read_exploration(setting: Mapping[str, Any]) -> Exploration | None:
    """
    Return by which chance a list has its order, None where it could have no other.

    :raises ValueError: if the propensity is not that of its chance
    """
    told = setting["exploration"]
    if told is None:
        return None
    found = Exploration(*(told[name] for name in ("mechanism", "epsilon", "pairs", "place")))
    if found.pairs < 1 or not math.isclose(found.propensity, told["propensity"]):
        raise ValueError(f"A propensity of {told['propensity']} is not that of {found}.")
    return found


def of_candidate(inputs: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return by its own names what the candidate of a list of two versions was told."""
    return {
        name.removeprefix(OF_CANDIDATE): content
        for name, content in inputs.items()
        if name.startswith(OF_CANDIDATE)
    }


def is_of_model(name: str) -> bool:
    """Return whether an input tells what the model was told since its training."""
    return name.removesuffix(packing.BASE) == NEW


def read_products(inputs: Mapping[str, bytes]) -> tuple[NewProduct, ...]:
    """Return the products that the model was told of since its training."""
    return _unpack_products(packing.restore(NEW, inputs)) if NEW + packing.BASE in inputs else ()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
