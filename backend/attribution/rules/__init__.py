"""Pure decisions of attribution: which claims hold, which of them earns a line, and which rows say so."""

from .claims import SAME_CLICK, distinct, is_click, is_same_click, prove
from .matching import match
from .outcomes import outcome
from .posting import postings

__all__ = ["SAME_CLICK", "distinct", "is_click", "is_same_click", "match", "outcome", "postings", "prove"]
