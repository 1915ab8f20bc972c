"""Pure decisions of attribution: which claims hold, which of them earns a line, and which rows say so."""

from .claims import claim_keys, prove
from .matching import match
from .posting import postings

__all__ = ["claim_keys", "match", "postings", "prove"]
