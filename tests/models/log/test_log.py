"""What is left of a log at a moment of its past."""

from dataclasses import replace

import numpy as np
import pandas as pd

from models.recommender.log.history import Event
from tests.models.shops import OPENED, a_log


def test_an_export_of_that_time_holds_nothing_of_those_who_had_not_bought() -> None:
    log = a_log([("a", 1, [10]), ("b", 2, [11]), ("c", 3, [10, 12])], [10, 11, 12])
    looked = replace(log, event=np.where(log.user == 1, np.int8(Event.VIEW), log.event))

    bought = looked.of_buyers()

    assert (bought.users, bought.user.tolist(), bought.item.tolist()) == (2, [0, 1, 1], [0, 0, 2])
    assert log.of_buyers().user.tolist() == log.user.tolist()


def test_what_came_into_the_catalogue_later_is_no_item_unless_it_was_sold_before() -> None:
    log = a_log([("a", 1.5, [10, 13]), ("a", 9, [11, 12, 14])], [10, 11, 12, 13])
    moment = int(pd.Timestamp(OPENED + pd.Timedelta(days=2)).value // 1_000)

    known = log.with_items_of(moment)

    # 12 came on the third day, and of 14, which has left the catalogue, nothing was known by then.
    assert known.item_ids.tolist() == [10, 11, 13]
    assert known.item.tolist() == [0, 2, 1]
    assert [fact.title for fact in known.facts] == ["Product 10", "Product 11", "Product 13"]
    assert known.created_at.tolist() == log.created_at[[0, 1, 3]].tolist()
    assert known.is_listed.all()
