"""Reads of the staff dashboard."""

from backend.staff.queries.accounts import (
    FEW_CODES,
    codes_left,
    find_second_factor,
    get_authenticator,
    is_enrolled,
    is_locked,
)
from backend.staff.queries.answers import (
    decision_ids_of_order,
    explain,
    figures,
    inferences,
    orders_called,
    products,
    titles,
)
from backend.staff.queries.search import search

__all__ = [
    "FEW_CODES",
    "codes_left",
    "decision_ids_of_order",
    "explain",
    "figures",
    "find_second_factor",
    "get_authenticator",
    "inferences",
    "is_enrolled",
    "is_locked",
    "orders_called",
    "products",
    "search",
    "titles",
]
