"""
The data contract: what customers did, and what the items are, from files that anybody may write.

Interactions: ``user,item,timestamp[,event][,quantity][,price][,basket or order_id]``. Items:
``item[,title][,price][,created_at]`` and any further column, which is an attribute with one value or
several (a list in Parquet, parted by ``|`` in text). CSV, TSV, either gzipped, or Parquet.

A row whose meaning is clear but which is no interaction (a return, a guest, an exact repetition) is
set aside, counted and told. A value that cannot be right is an error that names row and column.
"""

import hashlib
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.recommender.files.dataset import FACT_COLUMNS, DatasetInvalid
from models.recommender.files.moments import read_moments
from models.recommender.files.pipes import seekable
from models.recommender.files.tables import MISSING, Cells, Table, Tell, quoted, read_table, several
from models.recommender.log.arrays import Bools, Events, Floats, Ints
from models.recommender.log.content import ItemFacts
from models.recommender.log.history import Event
from models.recommender.log.log import NEVER, Log

# More items than this and one vector an item no longer fits beside the rest of a training in 2 GiB.
ITEM_LIMIT = 100_000
PARTED_BY = "|"
REQUIRED = ("user", "item", "timestamp")
OPTIONAL = ("event", "quantity", "price", "basket", "order_id")
OWN_ITEM_COLUMNS = ("item", "title", "price", "created_at")
# Beyond any price or quantity in any currency, and far inside what 32 bits hold.
LARGEST_AMOUNT = 1e15
# What spreadsheets make of long numbers.
SHORTENED = r"^\d(\.\d+)?[eE]\+\d+$"
WHOLE_NUMBER = r"^(0|[1-9]\d{0,17})$"

# What the tools that shops use call the same things; compared in lower case, "_" for other signs. The
# last line are known words that say nothing of what a customer wants; such rows are set aside.
EVENT_WORDS: dict[str, Event | None] = {
    word: event
    for event, words in {
        Event.VIEW: "view viewed views product_view product_viewed view_product view_item page_view "
        "page_viewed pageview item_view viewcontent view_content detail detail_view click clicked clicks",
        Event.CART: "cart add_to_cart added_to_cart addtocart add_cart cart_add product_added_to_cart "
        "product_added basket add_to_basket checkout_started begin_checkout initiate_checkout",
        Event.PURCHASE: "purchase purchased purchases buy bought order ordered orders order_created "
        "order_completed order_placed order_paid orders_create orders_paid placed_order checkout_completed "
        "completed_checkout transaction sale sold paid",
        None: "remove_from_cart removed_from_cart product_removed_from_cart cart_remove refund refunded "
        "return returned cancel cancelled canceled",
    }.items()
    for word in words.split()
}
SET_ASIDE = -1  # code of an event word that is known but is no interaction


def ignore(message: str) -> None:
    """Drop what a reader has to tell."""


@dataclass(frozen=True)
class Reading:
    """A log and the names of its customers: ``users[n]`` is customer ``n``."""

    log: Log
    users: pa.StringArray

    def user(self, name: str) -> int:
        """
        Return the number of a customer.

        :raises DatasetInvalid: if the file has no such customer
        """
        number: int = pc.index(self.users, pa.scalar(name)).as_py()
        if number < 0:
            raise DatasetInvalid(f"No customer in the file is called {quoted(name)}.")
        return number


def read_interactions(
    path: Path, items: Path | None = None, *, now: int | None = None, tell: Tell = ignore
) -> Log:
    """
    Return what the customers of a file did; see the module for its form.

    :param items: a file that says what the items are
    :param now: microseconds since 1970, the clock's if not given; later moments are errors
    :param tell: hears what was assumed, and how many rows were set aside and why
    :raises DatasetInvalid: if a file or a value cannot be used; the message names row and column
    """
    return read(path, items, now=now, tell=tell).log


def read(path: Path, items: Path | None = None, *, now: int | None = None, tell: Tell = ignore) -> Reading:
    """Return a log as ``read_interactions`` does, with the names of its customers."""
    now = time.time_ns() // 1000 if now is None else now
    with seekable(path) as steps, seekable(items) if items else nullcontext() as catalogue:
        return _read(steps, catalogue, now=now, tell=tell)


def _read(path: Path, items: Path | None, *, now: int, tell: Tell) -> Reading:
    columns = (*REQUIRED, *OPTIONAL)
    table = read_table(path, required=REQUIRED, optional=OPTIONAL, one_line=columns, tell=tell)
    steps = _read_steps(table, now=now)
    catalogue = _read_catalogue(items, now=now, tell=tell) if items else None
    numbering = _number_items(steps, catalogue, tell)
    _tell_unlisted(items, steps, numbering, tell)
    numbered = _sorted(_numbered(steps, numbering, path, tell))
    log = _log(_without_repetitions(numbered, path, tell), numbering, catalogue, _sha256(path, items))
    _tell_counts(path, log, tell)
    return Reading(log, numbered.users)


@dataclass(frozen=True)
class _Steps:
    """Columns of the interactions; ``item`` are places in ``items``, ``order`` -1 where there is none."""

    user: Ints
    item: Ints
    at: Ints
    event: Events
    quantity: Floats
    price: Floats
    order: Ints
    users: pa.StringArray  # ascending
    items: pa.StringArray
    has_clock: bool

    def where(self, keep: Bools | Ints) -> "_Steps":
        columns = ("user", "item", "at", "event", "quantity", "price", "order")
        return replace(self, **{name: getattr(self, name)[keep] for name in columns})


def _read_steps(table: Table, *, now: int) -> _Steps:
    keep = _rows_to_keep(table)
    user, users = _ranked(_ids(table, "user"))
    items = _ids(table, "item")
    missing = keep & (items.places < 0)
    if missing.any():
        raise table.wrong("item", int(np.argmax(missing)), "the value is missing.")
    moments = read_moments(table, "timestamp", now=now, among=keep)
    steps = _Steps(
        user=user,
        item=items.places.astype(np.int64),
        at=moments.at,
        event=_events(table, keep),
        quantity=_amounts(table, "quantity", otherwise=1.0),
        price=_amounts(table, "price", otherwise=np.nan),
        order=_orders(table),
        users=users,
        items=items.words,
        has_clock=moments.has_clock,
    )
    return _without_set_aside(table, steps, keep)


def _rows_to_keep(table: Table) -> Bools:
    """Return which rows name a customer; the others are guests, or nothing at all."""
    is_known: Bools = ~table.missing("user")
    _tell_set_aside(table, ~is_known, "no user (a guest, or an empty line)")
    if not is_known.any():
        raise DatasetInvalid(f"{table.path.name}, column user: every value is missing.")
    return is_known


def _ids(table: Table, name: str) -> Cells:
    """Return a column of ids; refuses numbers that lost digits, tells what others take for a missing one."""
    cells = table.coded(name)
    place = pc.index(pc.match_substring_regex(cells.words, SHORTENED), True).as_py()
    if place >= 0:
        shown = quoted(cells.words[place].as_py())
        complaint = f"{shown} is a number that a spreadsheet has shortened; several ids may share it."
        raise table.wrong(name, cells.index(place), complaint)
    named = [word for word in MISSING if pc.index(cells.words, word).as_py() >= 0]
    if named:
        table.say(f"column {name}: {quoted(named[0])} is an id as it stands; only an empty cell is none.")
    return cells


def _tell_set_aside(table: Table, rows: Bools, why: str) -> None:
    count = int(rows.sum())
    if count:
        first = table.row(int(np.argmax(rows)))
        table.say(f"{several(count, 'row')} set aside: {why}; the first is row {first}.")


def _ranked(cells: Cells) -> tuple[Ints, pa.StringArray]:
    """Return a column as numbers in ascending order of its words, with the words."""
    order = pc.sort_indices(cells.words)
    ranks = np.full(len(cells.words) + 1, -1, dtype=np.int64)
    ranks[order.to_numpy()] = np.arange(len(order))
    # The last rank is that of an empty cell, whose place is -1.
    return ranks[cells.places], cells.words.take(order)


def _events(table: Table, among: Bools) -> Events:
    """Return what each row says was done; ``SET_ASIDE`` for words that are no interaction."""
    if "event" not in table.columns:
        return np.full(table.rows, Event.PURCHASE, dtype=np.int8)
    cells = table.coded("event")
    codes = np.full(len(cells.words) + 1, SET_ASIDE, dtype=np.int8)
    for place, word in enumerate(cells.words.to_pylist()):
        name = _event_name(word or "")
        if name not in EVENT_WORDS and among[cells.places == place].any():
            raise table.wrong("event", cells.index(place), f"{quoted(word)} is not an event. {KNOWN_EVENTS}")
        event = EVENT_WORDS.get(name)
        codes[place] = SET_ASIDE if event is None else event
    missing = among & (cells.places < 0)
    if missing.any():
        raise table.wrong("event", int(np.argmax(missing)), f"the value is missing. {KNOWN_EVENTS}")
    return np.asarray(codes[cells.places], dtype=np.int8)


KNOWN_EVENTS = "Known are view, cart and purchase and what the usual tools call them."


def _event_name(word: str) -> str:
    return "_".join("".join(sign if sign.isalnum() else " " for sign in word.lower()).split())


def _amounts(table: Table, name: str, *, otherwise: float) -> Floats:
    if name not in table.columns:
        return np.full(table.rows, otherwise, dtype=np.float32)
    numbers = _within_reason(table, name)
    return np.where(np.isnan(numbers), otherwise, numbers).astype(np.float32)


def _within_reason(table: Table, name: str) -> NDArray[np.float64]:
    """Return a column of amounts, NaN where there is none; refuses those that no shop has."""
    numbers = table.numbers(name)
    beyond = np.flatnonzero(np.abs(numbers) > LARGEST_AMOUNT)
    if len(beyond):
        raise table.wrong(
            name, int(beyond[0]), f"{numbers[beyond[0]]:g} is beyond any amount ({LARGEST_AMOUNT:g})."
        )
    return numbers


def _orders(table: Table) -> Ints:
    """Return which order each row belongs to; -1 where none is named."""
    name = next((name for name in ("basket", "order_id") if name in table.columns), None)
    if name is None:
        return np.full(table.rows, -1, dtype=np.int64)
    return table.coded(name).places.astype(np.int64)


def _without_set_aside(table: Table, steps: _Steps, keep: Bools) -> _Steps:
    """Return the interactions among the rows; tells how many are none, and why."""
    for is_none, why in (
        (steps.event == SET_ASIDE, "the event takes something back or ends it"),
        (steps.quantity <= 0, "the quantity is not above zero (a return)"),
        (steps.price < 0, "the price is below zero (a correction)"),
    ):
        _tell_set_aside(table, keep & is_none, why)
        keep = keep & ~is_none
    if not (keep & (steps.event == Event.PURCHASE)).any():
        raise DatasetInvalid(
            f"{table.path.name} has no purchases, which are what models learn to foresee. If its rows are "
            f"purchases, leave the column event out."
        )
    return steps.where(keep)


@dataclass(frozen=True)
class _Catalogue:
    """What an items file says, one entry a row."""

    items: pa.StringArray
    titles: list[str | None]
    attributes: Mapping[str, list[tuple[str, ...]]]
    price: NDArray[np.float64]
    created_at: Ints


def _read_catalogue(path: Path, *, now: int, tell: Tell) -> _Catalogue:
    table = read_table(
        path, required=("item",), optional=None, one_line=("item", "price", "created_at"), tell=tell
    )
    is_known = ~table.missing("item")
    _tell_set_aside(table, ~is_known, "no item")
    table = table.where(is_known)
    cells = table.coded("item")
    _refuse_twice(table, cells)
    if "title" not in table.columns:
        table.say("without a column title, items are known by their attributes only.")
    return _Catalogue(
        items=cells.words.take(pa.array(cells.places)),
        titles=table.words("title") if "title" in table.columns else [None] * table.rows,
        attributes=_attributes(table),
        price=_item_prices(table),
        created_at=_created_at(table, now=now),
    )


def _refuse_twice(table: Table, cells: Cells) -> None:
    _, first = np.unique(cells.places, return_index=True)
    if len(first) == table.rows:
        return
    again = int(np.setdiff1d(np.arange(table.rows), first)[0])
    place = int(cells.places[again])
    raise table.wrong(
        "item",
        again,
        f"{quoted(cells.words[place].as_py())} is listed again after row {table.row(cells.index(place))}; "
        f"one row an item is expected.",
    )


def _attributes(table: Table) -> dict[str, list[tuple[str, ...]]]:
    """Return the further columns by the attribute that each is; two columns may be one attribute."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for name in table.columns:
        if name in OWN_ITEM_COLUMNS:
            continue
        attribute, values = FACT_COLUMNS.get(name, name), _values(table, name)
        if attribute in found:
            values = [left + right for left, right in zip(found[attribute], values, strict=True)]
        found[attribute] = values
    return found


def _values(table: Table, name: str) -> list[tuple[str, ...]]:
    """Return the values of an attribute in each row: a list's entries, or what ``|`` parts."""
    column = table.columns[name]
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return [tuple(str(value) for value in row or () if value is not None) for row in column.to_pylist()]
    parted: dict[str | None, tuple[str, ...]] = {None: ()}
    for word in set(words := table.words(name)) - {None}:
        parted[word] = tuple(part.strip() for part in (word or "").split(PARTED_BY) if part.strip())
    return [parted[word] for word in words]


def _item_prices(table: Table) -> NDArray[np.float64]:
    if "price" not in table.columns:
        return np.full(table.rows, np.nan)
    prices = _within_reason(table, "price")
    if (prices < 0).any():
        index = int(np.argmax(prices < 0))
        raise table.wrong("price", index, f"{prices[index]:g} is below zero.")
    return prices


def _created_at(table: Table, *, now: int) -> Ints:
    never = np.full(table.rows, NEVER, dtype=np.int64)
    if "created_at" not in table.columns:
        return never
    is_known = ~table.missing("created_at", MISSING)
    if not is_known.any():
        return never
    moments = read_moments(table, "created_at", now=now, among=is_known)
    return np.where(is_known, moments.at, NEVER) if moments.has_clock else never


@dataclass(frozen=True)
class _Numbering:
    """The items of a log in order, and which of them steps and catalogue rows speak of; -1 for none."""

    ids: Ints
    names: tuple[str, ...] | None  # None where the ids are numbers
    of_step: Ints  # by place in ``_Steps.items``
    of_row: Ints  # by row of the catalogue


def _number_items(steps: _Steps, catalogue: _Catalogue | None, tell: Tell) -> _Numbering:
    listed = catalogue.items if catalogue else pa.array([], pa.string())
    met = np.bincount(steps.item, minlength=len(steps.items)) > 0
    known = pa.concat_arrays([steps.items.filter(pa.array(met)), listed]).unique()
    kept = _within_limit(known, steps, catalogue, tell)
    is_number = pc.all(pc.match_substring_regex(kept, WHOLE_NUMBER)).as_py()
    order = pc.sort_indices(pc.cast(kept, pa.int64()) if is_number else kept)
    names = kept.take(order)
    places = [_places(words, names) for words in (steps.items, listed)]
    if is_number:
        return _Numbering(pc.cast(names, pa.int64()).to_numpy(), None, *places)
    return _Numbering(np.arange(len(names), dtype=np.int64), tuple(names.to_pylist()), *places)


def _places(words: pa.StringArray, names: pa.StringArray) -> Ints:
    found: Ints = pc.index_in(words, names).fill_null(-1).to_numpy().astype(np.int64)
    return found


def _within_limit(
    known: pa.StringArray, steps: _Steps, catalogue: _Catalogue | None, tell: Tell
) -> pa.StringArray:
    """Return the items that models can hold: the most bought, then the most met, then the latest."""
    if len(known) <= ITEM_LIMIT:
        return known
    of_step = _places(steps.items, known)[steps.item]
    met = np.bincount(of_step, minlength=len(known))
    bought = np.bincount(of_step[steps.event == Event.PURCHASE], minlength=len(known))
    latest = np.full(len(known), NEVER, dtype=np.int64)
    if catalogue:
        latest[_places(catalogue.items, known)] = catalogue.created_at
    in_time = np.argsort(steps.at)
    latest[of_step[in_time]] = steps.at[in_time]
    best = np.lexsort((latest, met, bought))[::-1][:ITEM_LIMIT]
    tell(
        f"Of {len(known):,} items the {ITEM_LIMIT:,} most bought are kept, each bought "
        f"{bought[best[-1]]:,} times or more; rows of the others are set aside."
    )
    return known.take(pa.array(np.sort(best)))


def _numbered(steps: _Steps, numbering: _Numbering, path: Path, tell: Tell) -> _Steps:
    """Return the steps with numbers for items, those of items beyond the limit set aside."""
    numbered = replace(steps, item=numbering.of_step[steps.item])
    is_kept = numbered.item >= 0
    if not is_kept.all():
        tell(f"{path.name}: {several(int((~is_kept).sum()), 'row')} set aside: items beyond the limit.")
        numbered = numbered.where(is_kept)
    numbered = _among_customers_met(numbered)
    if len(numbered.at) > 1 and (numbered.at == numbered.at[0]).all():
        tell(f"{path.name}: all rows carry the same moment, so each customer's rows are one basket.")
    return numbered


def _among_customers_met(steps: _Steps) -> _Steps:
    """Return steps whose customers are numbered without those that have no row left."""
    is_met = np.bincount(steps.user, minlength=len(steps.users)) > 0
    users = steps.users.filter(pa.array(is_met))
    return replace(steps, user=(np.cumsum(is_met) - 1)[steps.user], users=users)


def _tell_unlisted(path: Path | None, steps: _Steps, numbering: _Numbering, tell: Tell) -> None:
    """Tell how many items of the interactions an items file leaves out; they stay in the log."""
    if path is None:
        return
    sold = np.unique(numbering.of_step[steps.item])
    unknown = np.setdiff1d(sold[sold >= 0], numbering.of_row)
    if len(unknown):
        tell(f"{path.name}: {len(unknown):,} of {len(sold):,} items of the interactions are not in it.")


def _sorted(steps: _Steps) -> _Steps:
    """Return steps in the order of a log, ``order`` replaced by the number of the basket."""
    basket = _baskets(steps)
    keys = (steps.price, steps.quantity, steps.event, steps.item, basket, steps.at, steps.user)
    return replace(steps, order=basket).where(np.lexsort(keys).astype(np.int64))


def _baskets(steps: _Steps) -> Ints:
    """Return a number for each order of a customer, or for each of their moments without one."""
    _, moments = np.unique(steps.at, return_inverse=True)
    named = np.where(steps.order >= 0, steps.order, steps.order.max(initial=-1) + 1 + moments)
    pairs = steps.user * (int(named.max(initial=0)) + 1) + named
    return np.unique(pairs, return_inverse=True)[1].astype(np.int64)


def _without_repetitions(steps: _Steps, path: Path, tell: Tell) -> _Steps:
    """Return sorted steps with rows that say the same in every column kept once."""
    columns = (steps.user, steps.at, steps.order, steps.item, steps.event, steps.quantity, steps.price)
    is_same = np.ones(max(len(steps.at) - 1, 0), dtype=np.bool_)
    for column in columns:
        later, earlier = column[1:], column[:-1]
        is_same &= (later == earlier) | ((later != later) & (earlier != earlier))  # noqa: PLR0124  (NaN)
    if not is_same.any():
        return steps
    repeated = several(int(is_same.sum()), "row")
    tell(f"{path.name}: {repeated} set aside: another row is the same in every column.")
    return steps.where(np.concatenate([[True], ~is_same]))


def _log(steps: _Steps, numbering: _Numbering, catalogue: _Catalogue | None, data_hash: str) -> Log:
    items = len(numbering.ids)
    created = np.full(items, NEVER, dtype=np.int64)
    if catalogue and steps.has_clock:
        is_kept = numbering.of_row >= 0
        created[numbering.of_row[is_kept]] = catalogue.created_at[is_kept]
    return Log(
        user=steps.user,
        item=steps.item,
        at=steps.at,
        basket=steps.order,
        event=steps.event,
        quantity=steps.quantity,
        price=steps.price,
        item_ids=numbering.ids,
        created_at=created,
        is_listed=np.ones(items, dtype=np.bool_),
        users=len(steps.users),
        data_hash=data_hash,
        until=_moment(int(steps.at.max())),
        facts=_facts(steps, numbering, catalogue) if catalogue else (),
        item_names=numbering.names,
        has_clock=steps.has_clock,
    )


def _moment(at: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)).isoformat()


def _facts(steps: _Steps, numbering: _Numbering, catalogue: _Catalogue) -> tuple[ItemFacts, ...]:
    """Return what the catalogue says of each item, with the first price paid where it says none."""
    prices = _first_prices(steps, items=len(numbering.ids))
    facts = [ItemFacts(price=_known(price)) for price in prices]
    for row in np.flatnonzero(numbering.of_row >= 0):
        number = numbering.of_row[row]
        values = {name: column[row] for name, column in catalogue.attributes.items() if column[row]}
        price = _known(catalogue.price[row])
        facts[number] = ItemFacts(
            catalogue.titles[row] or "", values, facts[number].price if price is None else price
        )
    return tuple(facts)


def _known(price: float) -> float | None:
    return None if np.isnan(price) else float(price)


def _first_prices(steps: _Steps, *, items: int) -> Floats:
    prices = np.full(items, np.nan, dtype=np.float32)
    priced = np.flatnonzero(~np.isnan(steps.price))
    oldest_last = priced[np.argsort(steps.at[priced], kind="stable")[::-1]]
    prices[steps.item[oldest_last]] = steps.price[oldest_last]
    return prices


def _sha256(*paths: Path | None) -> str:
    """Return one SHA-256 for the bytes of all files."""
    total = hashlib.sha256()
    for path in paths:
        if path is not None:
            with path.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()


def _tell_counts(path: Path, log: Log, tell: Tell) -> None:
    counts = np.bincount(log.event, minlength=len(Event))
    events = ", ".join(several(int(counts[event]), event.name.lower()) for event in Event if counts[event])
    span = f"{_moment(int(log.at.min()))} to {log.until}" if log.has_clock else "in order, without moments"
    size = f"{several(log.users, 'customer')}, {several(log.items, 'item')}"
    tell(f"{path.name}: {events}; {size}, {span}.")
