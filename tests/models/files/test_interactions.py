import gzip
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from models.recommender.files import building, tables
from models.recommender.files.interactions import read_interactions
from models.recommender.log.arrays import Ints
from models.recommender.log.history import Event
from models.recommender.log.log import NEVER, Log
from models.recommender.values import DatasetInvalid

NOW = int(datetime(2026, 6, 1, tzinfo=UTC).timestamp()) * 1_000_000
NEW_YEAR = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 86_400_000_000
DAYS = np.array([1_777_593_600, 1_777_680_000]) * 1_000_000  # the first two of May 2026
HEADER = "user,item,timestamp\n"
GOOD = HEADER + "ada,mug,2026-05-01\nada,pot,2026-05-02\nbob,mug,2026-05-03\n"


def write(folder: Path, content: str | bytes, name: str = "orders.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def read_text(folder: Path, content: str | bytes, **more: str) -> tuple[Log, list[str]]:
    """Return the log of a text and what the reader told, its closing summary left out."""
    told: list[str] = []
    items = write(folder, more["items"], "items.csv") if "items" in more else None
    log = read_interactions(
        write(folder, content, more.get("name", "orders.csv")), items, now=NOW, tell=told.append
    )
    return log, told[:-1]


def a_parquet(folder: Path, name: str = "orders.parquet", **columns: pa.Array) -> Path:
    path = folder / name
    parquet.write_table(pa.table(columns), path)
    return path


# What is refused: the content of orders.csv, and the whole message.
REFUSED: list[tuple[str, str | bytes, str]] = [
    ("empty file", "", "orders.csv is empty."),
    ("header only", HEADER, "orders.csv has a header but no rows."),
    ("header without a line end", HEADER.strip(), "orders.csv has a header but no rows."),
    (
        "missing column",
        "customer,item,date\n1,2,3\n",
        "orders.csv has no column user and no column timestamp. Its columns are: 'customer', 'item', 'date'.",
    ),
    ("column twice", "user,item,Item,timestamp\n1,2,3,4\n", "orders.csv has two columns item."),
    (
        "unknown delimiter",
        "user:item:timestamp\na:b:2026-05-01\n",
        (
            "orders.csv has no column user and no column item and no column timestamp. Its columns are: "
            "'user:item:timestamp'."
        ),
    ),
    (
        "uneven row",
        GOOD + "eve,mug\n",
        "orders.csv row 5 has 2 columns where the header has 3: 'eve,mug'.",
    ),
    ("no item", HEADER + "ada,,2026-05-01\n", "orders.csv row 2, column item: the value is missing."),
    ("no moment", GOOD + "eve,mug,\n", "orders.csv row 5, column timestamp: the value is missing."),
    ("NaN moment", GOOD + "eve,mug,NaN\n", "orders.csv row 5, column timestamp: the value is missing."),
    (
        "NaN among seconds",
        HEADER + "ada,mug,1750000000\nada,mug,nan\n",
        "orders.csv row 3, column timestamp: the value is missing.",
    ),
    (
        "unparsable moment",
        GOOD + "\neve,mug,2026-13-01\n",
        (
            "orders.csv row 6, column timestamp: '2026-13-01' is not a moment (ISO 8601, or seconds or "
            "milliseconds since 1970)."
        ),
    ),
    (
        "future moments",
        HEADER + "ada,mug,2026-06-01T12:00:00\nada,mug,2027-01-01\nbob,mug,2028-01-01\n",
        (
            "orders.csv row 3, column timestamp: 2027-01-01T00:00:00.000000 lies in the future (2 rows "
            "are like this)."
        ),
    ),
    (
        "moment before computers",
        GOOD + "eve,mug,0001-01-01\n",
        "orders.csv row 5, column timestamp: 0001-01-01T00:00:00.000000 is before 1980, older than any log.",
    ),
    (
        "zero among seconds",
        HEADER + "ada,mug,1750000000\nada,mug,1750000001\nada,mug,0\n",
        "orders.csv row 4, column timestamp: 0 does not count seconds since 1970, as most rows do.",
    ),
    (
        "half a position",
        HEADER + "ada,mug,1\nada,mug,1.5\n",
        (
            "orders.csv row 3, column timestamp: 1.5 does not count positions in a customer's sequence, "
            "as most rows do."
        ),
    ),
    (
        "day that no month has",
        HEADER + "ada,mug,20260532\n",
        (
            "orders.csv row 2, column timestamp: '20260532' is not a moment (ISO 8601, or seconds or "
            "milliseconds since 1970)."
        ),
    ),
    (
        "unknown event",
        "user,item,timestamp,event\nada,mug,2026-05-01,buy\nada,mug,2026-05-01,wished\n",
        (
            "orders.csv row 3, column event: 'wished' is not an event. Known are view, cart and purchase and "
            "what the usual tools call them."
        ),
    ),
    (
        "no event",
        "user,item,timestamp,event\nada,mug,2026-05-01,\n",
        (
            "orders.csv row 2, column event: the value is missing. Known are view, cart and purchase and "
            "what the usual tools call them."
        ),
    ),
    (
        "views only",
        "user,item,timestamp,event\nada,mug,2026-05-01,view\n",
        (
            "orders.csv has no purchases, which are what models learn to foresee. If its rows are purchases, "
            "leave the column event out."
        ),
    ),
    (
        "infinite price",
        "user,item,timestamp,price\nada,mug,2026-05-01,inf\n",
        "orders.csv row 2, column price: infinity is not an amount.",
    ),
    (
        "price that 32 bits cannot hold",
        "user,item,timestamp,price\nada,mug,2026-05-01,9.5\nada,mug,2026-05-02,1e39\n",
        "orders.csv row 3, column price: 1e+39 is beyond any amount (1e+15).",
    ),
    (
        "quantity that a sum cannot hold",
        "user,item,timestamp,quantity\nada,mug,2026-05-01,-4e38\n",
        "orders.csv row 2, column quantity: -4e+38 is beyond any amount (1e+15).",
    ),
    (
        "ids that a spreadsheet has shortened",
        HEADER + "ada,mug,2026-05-01\nada,4.00638E+12,2026-05-02\n",
        (
            "orders.csv row 3, column item: '4.00638E+12' is a number that a spreadsheet has shortened; "
            "several ids may share it."
        ),
    ),
    (
        "price in words",
        "user,item,timestamp,price\nada,mug,2026-05-01,9.5\nada,mug,2026-05-01,free\n",
        "orders.csv row 3, column price: 'free' is not a number.",
    ),
    ("nobody", HEADER + ",mug,2026-05-01\n", "orders.csv, column user: every value is missing."),
    ("UTF-16", GOOD.encode("utf-16"), "orders.csv is UTF-16 text; save it as UTF-8."),
    (
        "binary file named .csv",
        b"\x7fELF\x02\x01\x01" + bytes(100),
        "orders.csv is neither text nor Parquet; a CSV or Parquet file is expected.",
    ),
    (
        "names that are not UTF-8",
        HEADER.encode() + b"ada,th\xc3\xa9,2026-05-01\nada,caf\xe9,2026-05-02\n",
        "orders.csv row 3, column item: byte 0xe9 is not UTF-8.",
    ),
    (
        "quotation mark left open",
        HEADER + '"ada,mug,2026-05-01\n' + "bob,mug,2026-05-01\n" * 600_000,
        "orders.csv row 2, column user: a quotation mark opens the value and does not close at its end.",
    ),
]


@pytest.mark.parametrize(("case", "content", "message"), REFUSED, ids=[row[0] for row in REFUSED])
def test_bad_input_is_refused_with_its_place(
    case: str, content: str | bytes, message: str, tmp_path: Path
) -> None:
    with pytest.raises(DatasetInvalid) as refused:
        read_text(tmp_path, content)

    assert str(refused.value) == message, case


# What is read all the same, what the reader tells, and (user, item, event) of the steps in order.
Steps = list[tuple[int, str, Event]]
BUY, CART, VIEW = Event.PURCHASE, Event.CART, Event.VIEW
TOLD: list[tuple[str, str | bytes, list[str], Steps]] = [
    ("plain", GOOD, [], [(0, "mug", BUY), (0, "pot", BUY), (1, "mug", BUY)]),
    (
        "byte-order mark, capitals, spaces, line ends of Windows",
        "\ufeffUser , ITEM,Timestamp\r\n ada ,mug,2026-05-01\r\nada,mug , 2026-05-02\r\n",
        [],
        [(0, "mug", BUY), (0, "mug", BUY)],
    ),
    (
        "line ends of old",
        GOOD.replace("\n", "\r"),
        [],
        [(0, "mug", BUY), (0, "pot", BUY), (1, "mug", BUY)],
    ),
    (
        "semicolons",
        GOOD.replace(",", ";"),
        ["orders.csv: a semicolon parts its columns."],
        [(0, "mug", BUY), (0, "pot", BUY), (1, "mug", BUY)],
    ),
    (
        "blank lines before and between",
        "\n" + GOOD.replace("\nbob", "\n\nbob"),
        ["orders.csv: 1 row set aside: no user and no order (an empty line); the first is row 5."],
        [(0, "mug", BUY), (0, "pot", BUY), (1, "mug", BUY)],
    ),
    (
        "further columns",
        "user,item,timestamp,country\nada,mug,2026-05-01,UK\n",
        ["orders.csv: not used: column country."],
        [(0, "mug", BUY)],
    ),
    (
        "nobody, and no order",
        GOOD + ",pot,2026-05-04\n  ,pot,2026-05-04\n",
        ["orders.csv: 2 rows set aside: no user and no order (an empty line); the first is row 5."],
        [(0, "mug", BUY), (0, "pot", BUY), (1, "mug", BUY)],
    ),
    (
        "guests",
        "user,item,timestamp,order_id\n,pot,2026-05-04,9\nada,mug,2026-05-01,7\n,mug,2026-05-04,9\n,mug,2026-05-03,10\n",
        ["orders.csv: 2 orders without a user: each is a customer of its own, a guest."],
        [(0, "mug", BUY), (1, "mug", BUY), (2, "mug", BUY), (2, "pot", BUY)],
    ),
    (
        "guests alone",
        "user,item,timestamp,order_id\n,pot,2026-05-04,9\n,mug,2026-05-04,9\n,mug,2026-05-03,10\n",
        ["orders.csv: 2 orders without a user: each is a customer of its own, a guest."],
        [(0, "mug", BUY), (1, "mug", BUY), (1, "pot", BUY)],
    ),
    (
        "ids that look like nothing",
        HEADER + "NA,null,2026-05-01\nNA,None,2026-05-02\n",
        [
            "orders.csv: column user: 'NA' is an id as it stands; only an empty cell is none.",
            "orders.csv: column item: 'null' is an id as it stands; only an empty cell is none.",
        ],
        [(0, "null", BUY), (0, "None", BUY)],
    ),
    (
        "amounts that are missing by any name",
        ("user,item,timestamp,quantity,price\nada,mug,2026-05-01,NA,null\nada,pot,2026-05-02,\\N,nan\n"),
        [],
        [(0, "mug", BUY), (0, "pot", BUY)],
    ),
    (
        "gzip in several members, as logs are joined",
        gzip.compress(GOOD.encode()) + gzip.compress(b"bob,pan,2026-05-04\n"),
        [],
        [(0, "mug", BUY), (0, "pot", BUY), (1, "mug", BUY), (1, "pan", BUY)],
    ),
    (
        "returns and corrections",
        (
            "user,item,timestamp,quantity,price\nada,mug,2026-05-01,1,9.5\nada,mug,2026-05-02,-1,9.5\n"
            "ada,mug,2026-05-02,0,9.5\nada,mug,2026-05-03,1,-9.5\nada,pot,2026-05-04,,\n"
        ),
        [
            "orders.csv: 2 rows set aside: the quantity is not above zero (a return); the first is row 3.",
            "orders.csv: 1 row set aside: the price is below zero (a correction); the first is row 5.",
        ],
        [(0, "mug", BUY), (0, "pot", BUY)],
    ),
    (
        "events by other names",
        (
            "user,item,timestamp,event\nada,mug,2026-05-01,Product Viewed\nada,mug,2026-05-02,add-to-cart\n"
            "ada,mug,2026-05-03,checkout_completed\nada,mug,2026-05-04,remove_from_cart\n"
        ),
        ["orders.csv: 1 row set aside: the event takes something back or ends it; the first is row 5."],
        [(0, "mug", VIEW), (0, "mug", CART), (0, "mug", BUY)],
    ),
    (
        "repeated rows",
        GOOD + "bob,mug,2026-05-03\n",
        ["orders.csv: 1 row set aside: another row is the same in every column."],
        [(0, "mug", BUY), (0, "pot", BUY), (1, "mug", BUY)],
    ),
    (
        "all the same second",
        HEADER + "ada,pot,2026-05-01\nada,mug,2026-05-01\n",
        ["orders.csv: all rows carry the same moment, so each customer's rows are one basket."],
        [(0, "mug", BUY), (0, "pot", BUY)],
    ),
    (
        "one product, bought once",
        HEADER + "ada,mug,2026-05-01\n",
        [],
        [(0, "mug", BUY)],
    ),
    (
        "names in UTF-8",
        HEADER.encode() + b"ada,caf\xc3\xa9,2026-05-01\nada,th\xc3\xa9,2026-05-02\n",
        [],
        [(0, "café", BUY), (0, "thé", BUY)],
    ),
    (
        "gzip, whatever it is called",
        gzip.compress(GOOD.encode()),
        [],
        [(0, "mug", BUY), (0, "pot", BUY), (1, "mug", BUY)],
    ),
]


@pytest.mark.parametrize(("case", "content", "told", "steps"), TOLD, ids=[row[0] for row in TOLD])
def test_what_is_set_aside_is_told(
    case: str, content: str | bytes, told: list[str], steps: Steps, tmp_path: Path
) -> None:
    log, heard = read_text(tmp_path, content)

    assert heard == told, case
    assert log.item_names is not None
    columns = (log.user.tolist(), [log.item_names[item] for item in log.item], log.event.tolist())
    assert list(zip(*columns, strict=True)) == steps


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ("2026-05-01", "2026-05-01T00:00:00"),
        ("2026-05-01 10:30", "2026-05-01T10:30:00"),
        ("2026-05-01T10:30:00.5", "2026-05-01T10:30:00.5"),
        ("2026-05-01T10:30:00.123456789Z", "2026-05-01T10:30:00.123456"),
        ("2026-05-01t10:30:00z", "2026-05-01T10:30:00"),
        ("2026-05-01T10:30:00+02:00", "2026-05-01T08:30:00"),
        ("2026-05-01 10:30:00-0130", "2026-05-01T12:00:00"),
        ("2026-05-01 10:30:00 UTC", "2026-05-01T10:30:00"),
        ("2026-05-01 10:30:00.123456789 UTC", "2026-05-01T10:30:00.123456"),
        ("2026-05-01T10:30:00 gmt", "2026-05-01T10:30:00"),
        ("2026-05-01 10:30:00 Z", "2026-05-01T10:30:00"),
        ("2026-05-01 10:30:00 +0200", "2026-05-01T08:30:00"),
        ("2026-05-01 10:30:00.5 +02:00", "2026-05-01T08:30:00.5"),
        ("2026-05-01 10:30:00+00", "2026-05-01T10:30:00"),
        ("20260501", "2026-05-01T00:00:00"),
        ("202605011030", "2026-05-01T10:30:00"),
        ("20260501103007", "2026-05-01T10:30:07"),
        ("1777631400", "2026-05-01T10:30:00"),
        ("1777631400.25", "2026-05-01T10:30:00.25"),
        ("1777631400000", "2026-05-01T10:30:00"),
        ("1777631400000000", "2026-05-01T10:30:00"),
    ],
)
def test_a_moment_is_read_in_any_usual_form(written: str, moment: str, tmp_path: Path) -> None:
    log, _ = read_text(tmp_path, HEADER + f"ada,mug,{written}\n")

    assert log.at.astype("datetime64[us]").tolist() == [datetime.fromisoformat(moment)]
    assert log.has_clock


def test_moments_with_and_without_a_zone_may_stand_together(tmp_path: Path) -> None:
    log, _ = read_text(
        tmp_path, HEADER + "a,1,2026-05-01T01:00:00+01:00\na,1,2026-05-02\na,1,2026-05-03T00:00:00Z\n"
    )

    assert np.diff(log.at).tolist() == [DAY, DAY]


def test_what_numbers_count_is_told(tmp_path: Path) -> None:
    _, told = read_text(tmp_path, HEADER + "ada,mug,1777631400\n")

    assert told == ["orders.csv: column timestamp counts seconds since 1970."]


def test_positions_keep_the_order_but_are_no_clock(tmp_path: Path) -> None:
    log, told = read_text(tmp_path, HEADER + "ada,mug,2\nada,pot,1\n")

    assert log.item_names == ("mug", "pot")
    assert (log.item.tolist(), log.at.tolist(), log.has_clock) == ([1, 0], [DAY, 2 * DAY], False)
    assert told == ["orders.csv: column timestamp counts positions in a customer's sequence."]


def test_whole_numbers_stay_product_ids_and_other_names_are_numbered(tmp_path: Path) -> None:
    numbers, _ = read_text(tmp_path, HEADER + "a,900,2026-05-01\na,7,2026-05-02\n")
    padded, _ = read_text(tmp_path, HEADER + "a,007,2026-05-01\na,7,2026-05-02\n")

    assert (numbers.item_ids.tolist(), numbers.item_names) == ([7, 900], None)
    assert (padded.item_ids.tolist(), padded.item_names) == ([0, 1], ("007", "7"))


@pytest.mark.parametrize(
    ("case", "content", "baskets"),
    [
        ("one moment is one basket", HEADER + "a,1,2026-05-01\na,2,2026-05-01\na,3,2026-05-02\n", [0, 0, 1]),
        ("but not across customers", HEADER + "a,1,2026-05-01\nb,1,2026-05-01\n", [0, 1]),
        (
            "an order's lines belong together",
            (
                "user,item,timestamp,order_id\na,1,2026-05-01 10:00,x\na,2,2026-05-01 10:01,x\n"
                "a,3,2026-05-01 10:01,y\na,4,2026-05-02,\n"
            ),
            [0, 0, 1, 2],
        ),
    ],
)
def test_baskets(case: str, content: str, baskets: list[int], tmp_path: Path) -> None:
    log, _ = read_text(tmp_path, content)

    assert log.basket.tolist() == baskets, case


def test_the_order_of_the_rows_changes_nothing(tmp_path: Path) -> None:
    rows = [f"u{number % 3},i{number % 4},2026-05-{number + 1:02d}\n" for number in range(12)]

    straight, _ = read_text(tmp_path, HEADER + "".join(rows))
    turned, _ = read_text(tmp_path, HEADER + "".join(rows[::-1]))

    for name in ("user", "item", "at", "basket", "event"):
        assert getattr(straight, name).tolist() == getattr(turned, name).tolist(), name


def test_the_hash_changes_with_any_byte_of_either_file(tmp_path: Path) -> None:
    contents = [
        (GOOD, "item\nmug\n"),
        (GOOD.replace("ada,pot", "ada,mug"), "item\nmug\n"),
        (GOOD, "item\nmug\npot\n"),
    ]

    hashes = {read_text(tmp_path, orders, items=items)[0].data_hash for orders, items in contents}

    assert len(hashes) == 3


def test_a_giant_customer_is_read_whole(tmp_path: Path) -> None:
    rows = "".join(f"giant,i{number % 50},{1_700_000_000 + number}\n" for number in range(20_000))

    log, _ = read_text(tmp_path, HEADER + rows + "ada,i1,1700000000\n")

    assert (log.users, np.bincount(log.user).tolist()) == (2, [1, 20_000])


def test_items_beyond_the_limit_are_set_aside_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "ITEM_LIMIT", 2)

    log, told = read_text(tmp_path, GOOD + "bob,pot,2026-05-05\nbob,pan,2026-05-06\n")

    assert log.item_names == ("mug", "pot")
    assert len(log) == 4
    assert told == [
        (
            "Of 3 items the 2 most bought are kept, each bought 2 times or more; "
            "1 row of the others set aside."
        ),
    ]


def test_more_rows_than_fit_in_memory_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROW_LIMIT", 2)

    with pytest.raises(DatasetInvalid, match=r"orders\.csv has more than 2 rows; leave out the oldest\."):
        read_text(tmp_path, GOOD)


class TestItems:
    """What an items file says of the products."""

    def test_facts_stand_beside_the_items(self, tmp_path: Path) -> None:
        items = (
            "item,title,vendor,product_type,tags,price,created_at\n"
            'pot,"Pot, ""big""",Oak,Kitchen, red | round |,12.5,2026-01-01\nnew,New,,,,,\n'
        )

        log, told = read_text(tmp_path, GOOD, items=items)

        assert log.item_names == ("mug", "new", "pot")
        assert [fact.title for fact in log.facts] == ["", "New", 'Pot, "big"']
        assert [fact.price for fact in log.facts] == [None, None, 12.5]
        assert log.facts[2].attributes == {"vendor": ("Oak",), "type": ("Kitchen",), "tag": ("red", "round")}
        assert log.facts[1].attributes == {}
        assert log.created_at.tolist() == [
            NEVER,
            NEVER,
            int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 10**6,
        ]
        assert log.is_listed.all()
        assert told == ["items.csv: 1 of 2 items of the interactions are not in it."]

    def test_two_columns_may_be_one_attribute(self, tmp_path: Path) -> None:
        log, _ = read_text(tmp_path, GOOD, items="item,tags,tag\nmug,red,big\npot,,\n")

        assert log.facts[0].attributes == {"tag": ("red", "big")}

    def test_the_first_price_paid_stands_in_for_a_missing_one(self, tmp_path: Path) -> None:
        orders = "user,item,timestamp,price\na,mug,2026-05-02,9\na,mug,2026-05-01,8\na,pot,2026-05-01,\n"

        log, _ = read_text(tmp_path, orders, items="item,title\nmug,Mug\npot,Pot\n")

        assert [fact.price for fact in log.facts] == [8.0, None]

    @pytest.mark.parametrize(
        ("items", "message"),
        [
            ("", "items.csv is empty."),
            ("title\nMug\n", "items.csv has no column item. Its columns are: 'title'."),
            (
                "item,title\nmug,Mug\npot,Pot\n mug,Other\n",
                (
                    "items.csv row 4, column item: 'mug' is listed again after row 2; "
                    "one row an item is expected."
                ),
            ),
            ("item,price\nmug,-1\n", "items.csv row 2, column price: -1 is below zero."),
            (
                "item,price\nmug,1e39\n",
                "items.csv row 2, column price: 1e+39 is beyond any amount (1e+15).",
            ),
            ("item,price\n,1\nmug,x\n", "items.csv row 3, column price: 'x' is not a number."),
            (
                "item,created_at\nmug,soon\n",
                (
                    "items.csv row 2, column created_at: 'soon' is not a moment (ISO 8601, or seconds or "
                    "milliseconds since 1970)."
                ),
            ),
        ],
    )
    def test_bad_items_are_refused_with_their_place(self, items: str, message: str, tmp_path: Path) -> None:
        with pytest.raises(DatasetInvalid) as refused:
            read_text(tmp_path, GOOD, items=items)

        assert str(refused.value) == message

    def test_titles_that_are_not_utf_8_are_refused(self, tmp_path: Path) -> None:
        items = write(tmp_path, b"item,title\nmug,Caf\xe9 \x96 big\npot,Pot\n", "items.csv")

        with pytest.raises(DatasetInvalid, match=r"items\.csv row 2, column title: byte 0xe9 is not UTF-8\."):
            read_interactions(write(tmp_path, GOOD), items, now=NOW)


class TestParquet:
    """The same contract in Parquet, whose columns have types."""

    @pytest.mark.parametrize(
        ("kind", "values"),
        [
            (pa.timestamp("ns"), DAYS.view("datetime64[us]")),
            (pa.timestamp("ms", "Europe/Berlin"), DAYS.view("datetime64[us]")),
            (pa.date32(), DAYS.view("datetime64[us]").astype("datetime64[D]")),
            (pa.int64(), DAYS // 1_000_000),
            (pa.float64(), DAYS / 1e6),
            (pa.string(), ["2026-05-01", "2026-05-02"]),
        ],
    )
    def test_moments_of_any_type(self, kind: pa.DataType, values: Ints, tmp_path: Path) -> None:
        path = a_parquet(
            tmp_path, user=pa.array([7.0, 7.0]), item=pa.array([5, 6]), timestamp=pa.array(values, kind)
        )

        log = read_interactions(path, now=NOW)

        assert log.at.astype("datetime64[us]").astype("datetime64[D]").astype(str).tolist() == [
            "2026-05-01",
            "2026-05-02",
        ]
        assert log.item_ids.tolist() == [5, 6]

    @pytest.mark.parametrize(
        ("columns", "message"),
        [
            ({"item": pa.array(["a", None])}, "row 2, column item: the value is missing."),
            (
                {"timestamp": pa.array([int(DAYS[0]), None], pa.timestamp("us"))},
                "row 2, column timestamp: the value is missing.",
            ),
            ({"timestamp": pa.array([1.7e9, np.nan])}, "row 2, column timestamp: the value is missing."),
            ({"user": pa.array([1.5, 2.0])}, "row 1, column user: the column holds fractions, not ids"),
            ({"user": pa.array([["a"], ["b"]])}, "row 1, column user: the column holds list<"),
            (
                {"user": pa.array([1.0, 2.0**53])},
                "row 2, column user: the column holds fractions, in which an id so long loses digits.",
            ),
            (
                {"price": pa.array([9.5, 1e39])},
                "row 2, column price: 1e+39 is beyond any amount (1e+15).",
            ),
            (
                {"timestamp": pa.array([1_777_593, 1_777_680], pa.timestamp("s"))},
                "row 1, column timestamp: 1970-01-21T13:46:33.000000 is before 1980, older than any log",
            ),
            ({"price": pa.array([True, False])}, "row 1, column price: the column holds bool, not numbers."),
            (
                {"timestamp": pa.array([True, False])},
                "row 1, column timestamp: the column holds bool, not numbers.",
            ),
        ],
    )
    def test_bad_cells_are_refused_with_their_place(
        self, columns: dict[str, pa.Array], message: str, tmp_path: Path
    ) -> None:
        good = {"user": pa.array([1, 1]), "item": pa.array([5, 6]), "timestamp": pa.array([1.7e9, 1.7e9])}

        with pytest.raises(DatasetInvalid) as refused:
            read_interactions(a_parquet(tmp_path, **{**good, **columns}), now=NOW)

        assert f"orders.parquet {message}" in str(refused.value)

    @pytest.mark.parametrize("name", ["quantity", "price", "basket", "order_id"])
    def test_a_column_that_is_null_in_every_row_is_an_empty_one(self, name: str, tmp_path: Path) -> None:
        good = {"user": pa.array([1, 2]), "item": pa.array([5, 6]), "timestamp": pa.array([1.7e9, 1.71e9])}
        bare = a_parquet(tmp_path, "bare.parquet", **good)
        empty = a_parquet(tmp_path, "empty.parquet", **good, **{name: pa.nulls(2)})

        read_of_bare, read_of_empty = read_interactions(bare, now=NOW), read_interactions(empty, now=NOW)

        for column in ("user", "item", "at", "basket", "event", "quantity"):
            assert getattr(read_of_empty, column).tolist() == getattr(read_of_bare, column).tolist(), column
        assert np.isnan(read_of_empty.price).all()

    def test_an_item_s_columns_that_are_null_in_every_row_say_nothing(self, tmp_path: Path) -> None:
        nothing = {name: pa.nulls(1) for name in ("title", "price", "created_at", "tags")}
        items = a_parquet(tmp_path, "items.parquet", item=pa.array(["mug"]), **nothing)

        log = read_interactions(write(tmp_path, GOOD), items, now=NOW)

        assert (log.facts[0].title, log.facts[0].price, log.facts[0].attributes) == ("", None, {})
        assert log.created_at.tolist() == [NEVER, NEVER]

    def test_lists_are_several_values(self, tmp_path: Path) -> None:
        items = a_parquet(
            tmp_path,
            "items.parquet",
            item=pa.array(["mug", "pot"]),
            title=pa.array(["Mug", None]),
            tags=pa.array([["red", None, "big"], None]),
            sizes=pa.array([3, None]),
        )

        log = read_interactions(write(tmp_path, GOOD), items, now=NOW)

        assert log.facts[0].attributes == {"tag": ("red", "big"), "sizes": ("3",)}
        assert (log.facts[1].title, log.facts[1].attributes) == ("", {})


def cut_short(content: bytes) -> bytes:
    return content[: len(content) // 2]


class TestFiles:
    """Files that are not what their names say, or not whole."""

    def test_a_pipe_is_refused_unread(self, tmp_path: Path) -> None:
        pipe = tmp_path / "orders.csv"
        os.mkfifo(pipe)

        with pytest.raises(
            DatasetInvalid, match=r"is a folder or a pipe; a CSV or Parquet file is expected\."
        ):
            read_interactions(pipe, now=NOW)

    def test_a_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(
            DatasetInvalid, match=r"is a folder or a pipe; a CSV or Parquet file is expected\."
        ):
            read_interactions(tmp_path, now=NOW)

    def test_an_absent_file_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(DatasetInvalid, match=r"There is no file .*gone\.csv\."):
            read_interactions(tmp_path / "gone.csv", now=NOW)

    @pytest.mark.parametrize("damage", [cut_short, lambda content: content[:12] + b"aaaaaa" + content[18:]])
    def test_a_damaged_gzip_is_refused(self, damage: Callable[[bytes], bytes], tmp_path: Path) -> None:
        rows = "".join(
            f"u{number % 977},i{number % 97},{1_700_000_000 + number * 7}\n" for number in range(40_000)
        )
        packed = gzip.compress((HEADER + rows).encode())

        with pytest.raises(
            DatasetInvalid, match=r"orders\.csv\.gz cannot be read: it is damaged or cut short"
        ):
            read_interactions(write(tmp_path, damage(packed), "orders.csv.gz"), now=NOW)

    def test_a_truncated_parquet_is_refused(self, tmp_path: Path) -> None:
        path = a_parquet(tmp_path, user=pa.array([1]), item=pa.array([1]), timestamp=pa.array([1.7e9]))
        path.write_bytes(cut_short(path.read_bytes()))

        with pytest.raises(
            DatasetInvalid, match=r"orders\.parquet cannot be read: it is damaged or cut short"
        ):
            read_interactions(path, now=NOW)

    def test_tabs_part_a_tsv(self, tmp_path: Path) -> None:
        log, told = read_text(tmp_path, GOOD.replace(",", "\t"), name="orders.tsv")

        assert (len(log), told) == (3, [])
