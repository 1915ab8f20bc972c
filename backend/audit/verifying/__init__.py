"""Verification: walk a chain from its first segment, hash its rows anew, and name what differs."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog

from backend.audit import anchoring, queries, reading, seals
from backend.audit.models import Chain
from backend.audit.values import Finding, Ledger, SealedHead, Verification
from backend.audit.verifying.beside import check_contents, check_erasures, check_strays, check_tail
from backend.audit.verifying.chain import check_anchors, check_end, walk_chain
from backend.audit.verifying.rows import retired_before
from backend.audit.verifying.walk import FIRST, LAST, Walk

log = structlog.get_logger(__name__)


def verify(
    shop_id: int, ledger: Ledger, *, after: int = 0, anchors: Sequence[SealedHead] = ()
) -> Verification:
    """
    Verify a shop's chain and every row that it sealed.

    :param after: the number of a segment that was verified before; only what came later is looked at
    :param anchors: heads of the chain that were kept outside the database
    """
    layouts = {layout.number: layout for layout in seals.LAYOUTS[ledger]}
    walk = Walk(shop_id, layouts, retired_before(shop_id, ledger))
    chain = Chain.objects.for_shop(shop_id).filter(ledger=ledger).first()
    low = FIRST
    if chain is not None:
        low = walk_chain(walk, chain, after=after)
        check_end(walk, chain)
    seen, gaps = reading.looked_at(ledger)
    unsealed = check_tail(walk, ledger, low=low, seen=seen, gaps=gaps)
    check_strays(walk, ledger, gaps=gaps)
    check_erasures(walk)
    check_contents(walk)
    mine = [one for one in anchors if (one.shop_id, one.ledger) == (shop_id, ledger)]
    before = len(walk.findings)
    check_anchors(walk, chain, mine)
    return Verification(
        ledger=ledger,
        segments=walk.segments,
        rows=walk.rows,
        erased=walk.erased.total(),
        retired=walk.retired,
        unsealed=unsealed,
        by_anchors=tuple(walk.findings[before:]) if mine else None,
        findings=tuple(sorted(walk.findings, key=_place)),
    )


def _place(finding: Finding) -> tuple[int, int]:
    return (LAST if finding.arrival is None else finding.arrival, finding.segment or 0)


def words(verification: Verification) -> str:
    """Return in a sentence what is wrong first, and how much else; empty where nothing is."""
    return _words(verification.findings)


def _words(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    more = len(findings) - 1
    return findings[0].words + (f" And {more} more." if more else "")


def verify_shop(shop_id: int, *, is_whole: bool, now: datetime) -> list[Verification]:
    """
    Verify both ledgers of a shop, as :func:`verify_and_remember` does one.

    The heads that ``LEDGER_ANCHOR_URL`` holds are compared, where that is a folder.

    :returns: of those ledgers in which anything was ever sealed, or should have been
    """
    anchors = anchoring.kept_anchors()
    found = [
        verify_and_remember(shop_id, ledger, is_whole=is_whole, anchors=anchors, now=now) for ledger in Ledger
    ]
    return [done for done in found if done is not None]


def verify_and_remember(
    shop_id: int, ledger: Ledger, *, is_whole: bool, now: datetime, anchors: Sequence[SealedHead] = ()
) -> Verification | None:
    """
    Verify one ledger of a shop, remember what was found for the pages of staff, and report what is wrong.

    :param is_whole: look at everything again, and not only at what was sealed since the last time
    :param anchors: heads that were exported
    :returns: None where nothing was ever sealed, and nothing says that it should have been
    """
    chain = Chain.objects.for_shop(shop_id).filter(ledger=ledger).first()
    # What a whole look found is not cleared by one at what is new.
    after = 0 if is_whole or chain is None or chain.finding else chain.verified_number
    done = verify(shop_id, ledger, after=after, anchors=anchors)
    if chain is None and done.ok:
        return None
    _note(chain or Chain.objects.for_shop(shop_id).create(ledger=ledger, head=b""), done, now=now)
    return done


def _note(chain: Chain, done: Verification, *, now: datetime) -> None:
    values: dict[str, Any] = {"verified_at": now}
    by_anchors = set(done.by_anchors or ())
    values["finding"] = _words([one for one in done.findings if one not in by_anchors])
    if done.by_anchors is not None:
        values["anchor_finding"] = _words(done.by_anchors)
    if done.ok:
        values["verified_number"] = chain.number
    else:
        log.error("ledger_tampered", shop_id=chain.shop_id, ledger=chain.ledger, findings=len(done.findings))
    Chain.objects.for_shop(chain.shop_id).filter(id=chain.id).update(**values)


def verifiable_shop_ids(anchors: Sequence[SealedHead] | None = None) -> list[int]:
    """
    Return the shops that have a chain or should have one: one that only an anchor knows is missed too.

    :param anchors: heads that were exported; those that are kept where they are left out
    """
    heads = anchoring.kept_anchors() if anchors is None else anchors
    return sorted({*queries.chained_shop_ids(), *(head.shop_id for head in heads)})
