"""
The data contract: what customers did, and what the items are, from files that anybody may write.

Interactions: ``user,item,timestamp[,event][,quantity][,price][,basket or order_id]``. Items:
``item[,title][,price][,created_at]`` and any further column, which is an attribute with one value or
several (a list in Parquet, parted by ``|`` in text). CSV, TSV, either gzipped, or Parquet.

An order without a user is a guest's: a customer of its own, as in the product's export. A row whose meaning
is clear but which is no interaction (a return, an exact repetition, a row without user and order) is set
aside, counted and told. A value that cannot be right is an error that names row and column.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from models.recommender.files.building import build
from models.recommender.files.moments import read_moments
from models.recommender.files.tables import MISSING, Column, Table, read_table
from models.recommender.files.text import Tell, quoted, several
from models.recommender.log.arrays import Events, Ints, Reals
from models.recommender.log.content import ItemFacts
from models.recommender.log.history import Event, iso_of
from models.recommender.log.log import NEVER, Log
from models.recommender.values import DatasetInvalid

PARTED_BY = "|"
REQUIRED = ("user", "item", "timestamp")
OPTIONAL = ("event", "quantity", "price", "basket", "order_id")
# Columns that say what an item is, and the attribute that each becomes; any other is called as it is.
FACT_COLUMNS = {"vendor": "vendor", "product_type": "type", "tags": "tag"}
OWN_ITEM_COLUMNS = ("item", "title", "price", "created_at")
# Beyond any price or quantity in any currency, and far inside what 32 bits hold.
LARGEST_AMOUNT = 1e15
# What spreadsheets make of long numbers.
SHORTENED = r"\d(\.\d+)?[eE]\+\d+"

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
GUEST = "guest:"  # before the order of a customer without a name, as in the product's export
SET_ASIDE = -1  # code of an event word that is known but is no interaction
KNOWN_EVENTS = "Known are view, cart and purchase and what the usual tools call them"


def tell_nobody(message: str) -> None:
    """Drop what a reader has to tell."""


def read_interactions(
    path: Path, items: Path | None = None, *, now: int | None = None, tell: Tell = tell_nobody
) -> Log:
    """
    Return what the customers of a file did; see the module for its form.

    :param items: a file that says what the items are
    :param now: microseconds since 1970, the clock's if not given; later moments are errors
    :param tell: hears what was assumed, and how many rows were set aside and why
    :raises DatasetInvalid: if a file or a value cannot be used; the message names row and column
    """
    now = time.time_ns() // 1000 if now is None else now
    columns = (*REQUIRED, *OPTIONAL)
    table = read_table(path, required=REQUIRED, optional=OPTIONAL, one_line=columns, tell=tell)
    if not len(table):
        raise DatasetInvalid(f"{path.name} has a header but no rows.")
    table = _of_customers(table)
    steps, has_clock = read_steps(table, "timestamp", now=now)
    steps = _interactions(table, steps)
    catalogue = _read_items(items, steps, now=now, has_clock=has_clock, tell=tell) if items else None
    log = build(
        steps,
        catalogue,
        data_hash=_sha256(path, items),
        until=iso_of(int(steps["at"].max())),
        has_clock=has_clock,
        tell=tell,
    )
    if len(steps) > 1 and steps["at"].nunique() == 1:
        table.say("all rows carry the same moment, so each customer's rows are one basket.")
    _tell_counts(path, log, tell)
    return log


def _of_customers(table: Table) -> Table:
    """Return the rows of users and of guests, whom their orders name; tells of guests, and of other rows."""
    order, is_unnamed = _order_column(table), table.missing("user")
    is_nobody = is_unnamed if order is None else is_unnamed & table.missing(order)
    table.set_aside(is_nobody, "no user and no order (an empty line)")
    if is_nobody.all():
        raise DatasetInvalid(f"{table.path.name}, column user: every value is missing.")
    if order is not None and (is_unnamed & ~is_nobody).any():
        guests = table.ids(order)[is_unnamed & ~is_nobody].nunique()
        table.say(f"{several(guests, 'order')} without a user: each is a customer of its own, a guest.")
    return table.where(~is_nobody)


def read_steps(table: Table, moment: str, *, now: int | None) -> tuple[pd.DataFrame, bool]:
    """
    Return what each row of a table says was done, for ``build``, and whether its moments are a clock's.

    :param moment: the name of the column of moments
    :param now: microseconds since 1970; later moments are errors, None believes them
    """
    users, items = _users(table), _ids(table, "item")
    table.refuse_missing("item")
    moments = read_moments(table, moment, now=now, among=np.ones(len(table), dtype=np.bool_))
    columns = {
        "user": users,
        "item": items,
        "at": moments.at,
        "event": _events(table),
        "quantity": _amounts(table, "quantity", otherwise=1.0).astype(np.float32),
        "price": _amounts(table, "price").astype(np.float32),
        "order": _orders(table),
    }
    return pd.DataFrame(columns, index=table.frame.index), moments.has_clock


def _users(table: Table) -> Column:
    """Return whose each row is, a guest's by the order."""
    users, order = _ids(table, "user"), _order_column(table)
    return users if order is None or not users.isna().any() else users.fillna(GUEST + table.ids(order))


def _ids(table: Table, name: str) -> Column:
    """Return a column of ids; refuses numbers that lost digits, tells what others take for a missing one."""
    ids = table.ids(name)
    is_short = ids.str.fullmatch(SHORTENED).fillna(value=False).to_numpy(dtype=np.bool_)
    complaint = "is a number that a spreadsheet has shortened; several ids may share it"
    table.refuse(is_short, name, lambda row: f"{quoted(ids.iloc[row])} {complaint}")
    named = [word for word in MISSING if (ids == word).any()]
    if named:
        table.say(f"column {name}: {quoted(named[0])} is an id as it stands; only an empty cell is none.")
    return ids


def _events(table: Table) -> Events:
    """Return what each row says was done; ``SET_ASIDE`` for words that are no interaction."""
    if "event" not in table:
        return np.full(len(table), Event.PURCHASE, dtype=np.int8)
    table.refuse_missing("event", f"the value is missing. {KNOWN_EVENTS}")
    places, words = pd.factorize(table.ids("event"))
    names = [_event_name(word) for word in words]
    is_unknown = np.array([name not in EVENT_WORDS for name in names], dtype=np.bool_)[places]
    complaint = f"is not an event. {KNOWN_EVENTS}"
    table.refuse(is_unknown, "event", lambda row: f"{table.quoted('event', row)} {complaint}")
    events = [EVENT_WORDS[name] for name in names]
    codes = np.array([SET_ASIDE if event is None else event for event in events], dtype=np.int8)
    return np.asarray(codes[places])


def _event_name(word: str) -> str:
    return "_".join("".join(sign if sign.isalnum() else " " for sign in word.lower()).split())


def _amounts(table: Table, name: str, *, otherwise: float = np.nan) -> Reals:
    """Return a column of amounts, ``otherwise`` where there is none; refuses those that no shop has."""
    if name not in table:
        return np.full(len(table), otherwise)
    numbers = table.numbers(name)
    beyond = f"is beyond any amount ({LARGEST_AMOUNT:g})"
    table.refuse(np.abs(numbers) > LARGEST_AMOUNT, name, lambda row: f"{numbers[row]:g} {beyond}")
    return np.where(np.isnan(numbers), otherwise, numbers)


def _orders(table: Table) -> Ints:
    """Return which order each row belongs to; -1 where none is named."""
    name = _order_column(table)
    if name is None:
        return np.full(len(table), -1, dtype=np.int64)
    # As they are: numbers in their order, which decides in what order those of one moment stand.
    ids = table.frame[name] if table.is_whole(name) else table.ids(name)
    return np.asarray(pd.factorize(ids, sort=True)[0], dtype=np.int64)


def _order_column(table: Table) -> str | None:
    return next((name for name in ("basket", "order_id") if name in table), None)


def _interactions(table: Table, steps: pd.DataFrame) -> pd.DataFrame:
    """Return the interactions among the rows; tells how many are none, and why."""
    keep = np.ones(len(steps), dtype=np.bool_)
    for is_none, why in (
        (steps["event"] == SET_ASIDE, "the event takes something back or ends it"),
        (steps["quantity"] <= 0, "the quantity is not above zero (a return)"),
        (steps["price"] < 0, "the price is below zero (a correction)"),
    ):
        table.set_aside(keep & is_none.to_numpy(), why)
        keep &= ~is_none.to_numpy()
    if not (keep & (steps["event"] == Event.PURCHASE)).any():
        raise DatasetInvalid(
            f"{table.path.name} has no purchases, which are what models learn to foresee. If its rows are "
            f"purchases, leave the column event out."
        )
    kept = steps[keep]
    is_repeated = kept.duplicated().to_numpy()
    if is_repeated.any():
        count = several(int(is_repeated.sum()), "row")
        table.say(f"{count} set aside: another row is the same in every column.")
    return kept[~is_repeated]


def _read_items(path: Path, steps: pd.DataFrame, *, now: int, has_clock: bool, tell: Tell) -> pd.DataFrame:
    """Return what a file says of the items, and of those that it leaves out but were sold."""
    table = read_table(
        path, required=("item",), optional=None, one_line=("item", "price", "created_at"), tell=tell
    )
    if not len(table):
        raise DatasetInvalid(f"{path.name} has a header but no rows.")
    is_empty = table.missing("item")
    table.set_aside(is_empty, "no item")
    table = table.where(~is_empty)
    if "title" not in table:
        table.say("without a column title, items are known by their attributes only.")
    attributes = {name: FACT_COLUMNS.get(name, name) for name in table.frame if name not in OWN_ITEM_COLUMNS}
    catalogue = read_catalogue(table, attributes, now=now, parted_by=PARTED_BY)
    if not has_clock:
        catalogue["created_at"] = NEVER
    sold = pd.Series(steps["item"].unique())
    unlisted = sold[~sold.isin(catalogue["item"])]
    if len(unlisted):
        table.say(f"{len(unlisted):,} of {len(sold):,} items of the interactions are not in it.")
    others = pd.DataFrame({"item": unlisted, "created_at": NEVER, "facts": ItemFacts()})
    whole = pd.concat([catalogue, others], ignore_index=True)
    return whole.assign(facts=_with_first_prices(whole, steps))


def _with_first_prices(catalogue: pd.DataFrame, steps: pd.DataFrame) -> list[ItemFacts]:
    """Return the facts of items, with the first price paid where none is said."""
    priced = steps.dropna(subset=["price"])
    earliest = priced[priced["at"] == priced.groupby("item")["at"].transform("min")]
    in_order = earliest.sort_values(["user", "order", "event", "quantity", "price"])
    first = dict(in_order.groupby("item")["price"].first())
    return [
        replace(facts, price=float(first[item])) if facts.price is None and item in first else facts
        for item, facts in zip(catalogue["item"], catalogue["facts"], strict=True)
    ]


def read_catalogue(
    table: Table, attributes: Mapping[str, str], *, now: int | None = None, parted_by: str | None = None
) -> pd.DataFrame:
    """
    Return what each row of a table says of an item, for ``build``.

    :param attributes: columns, and the attribute that each is; two columns may be one attribute
    :param parted_by: what parts several values in a cell of words
    """
    items = table.ids("item")
    _refuse_twice(table, items)
    prices = _amounts(table, "price")
    table.refuse(prices < 0, "price", lambda row: f"{prices[row]:g} is below zero")
    titles = table.ids("title").fillna("") if "title" in table else [""] * len(table)
    values = {name: _values(table, name, parted_by) for name in attributes if name in table}
    facts = []
    for row, (title, price) in enumerate(zip(titles, prices.tolist(), strict=True)):
        known: dict[str, tuple[str, ...]] = {}
        for name, column in values.items():
            if column[row]:
                known[attributes[name]] = known.get(attributes[name], ()) + column[row]
        facts.append(ItemFacts(title, known, None if np.isnan(price) else price))
    created_at = _created_at(table, now=now)
    return pd.DataFrame({"item": items.to_numpy(), "created_at": created_at, "facts": facts})


def _refuse_twice(table: Table, items: Column) -> None:
    def told(row: int) -> str:
        first = table.frame.index[int(np.argmax((items == items.iloc[row]).to_numpy()))]
        return f"{quoted(items.iloc[row])} is listed again after row {first}; one row an item is expected"

    table.refuse(items.duplicated().to_numpy(), "item", told)


def _values(table: Table, name: str, parted_by: str | None) -> list[tuple[str, ...]]:
    """Return the values of an attribute in each row: a list's entries, or what ``parted_by`` parts."""
    if table.is_list(name):
        cells = table.frame[name].to_numpy(dtype=object, na_value=None)
        return [() if cell is None else tuple(str(value) for value in cell if value) for cell in cells]
    words = table.ids(name).to_numpy(dtype=object, na_value="")
    if parted_by is None:
        return [(word,) if word else () for word in words]
    return [tuple(part.strip() for part in word.split(parted_by) if part.strip()) for word in words]


def _created_at(table: Table, *, now: int | None) -> Ints:
    never = np.full(len(table), NEVER, dtype=np.int64)
    if "created_at" not in table:
        return never
    is_known = ~table.missing("created_at", MISSING)
    if not is_known.any():
        return never
    moments = read_moments(table, "created_at", now=now, among=is_known)
    return np.where(is_known, moments.at, NEVER) if moments.has_clock else never


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
    span = f"{iso_of(int(log.at.min()))} to {log.until}" if log.has_clock else "in order, without moments"
    size = f"{several(log.users, 'customer')}, {several(log.items, 'item')}"
    tell(f"{path.name}: {events}; {size}, {span}.")
