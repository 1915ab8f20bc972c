"""
Let people of ours and of the merchant see one arm of a rollout, whichever their browser would be drawn into.

A header chooses between what visitors see anyway, so anybody may send it. A page can't send headers, and what
nobody sees yet needs the word of whoever may see it: a token in the page's address, signed here.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.core.signing import BadSignature, Signer

from backend.audit import services as audit
from backend.audit.values import Event
from backend.rollouts.values import CANDIDATE, CHAMPION, Rollout
from backend.serving.values import BadAsk, Override
from backend.shopify import oauth
from backend.shops import queries as shops

# Long enough to look around, and too short to be passed on.
LOOK_VALID: Final = timedelta(hours=1)

ARMS: Final = (CANDIDATE, CHAMPION)


def sign_override(shop_domain: str, arm: str, *, rollout_id: UUID, now: datetime) -> str:
    """
    Return the token that lets a storefront's pages show one arm of a rollout for an hour, to whoever has it.

    Pages read it too: which list they hold is of that arm, and until when.

    :param arm: ``candidate`` or ``champion``
    :raises BadAsk: if it is another one
    """
    until = int((now + LOOK_VALID).timestamp())
    said = {"shop": shop_domain, "rollout": str(rollout_id), "arm": _known(arm, "canary"), "until": until}
    return _signer().sign_object(said)


def give_override_url(rollout: Rollout, arm: str, *, now: datetime, actor: str, path: str = "/") -> str:
    """
    Return the address at which a storefront's page shows one arm, by a token as above, and record who asked.

    :raises BadAsk: if there is no such arm
    """
    domain = shops.get_shop(rollout.shop_id).domain
    token = sign_override(domain, arm, rollout_id=rollout.id, now=now)
    number = rollout.candidate_number if arm == CANDIDATE else rollout.champion_number
    audit.record(
        Event.PREVIEW_REQUESTED,
        shop_id=rollout.shop_id,
        subject=f"rollout {rollout.number}",
        reason=f"An address was asked for that shows the storefront as version {number} for an hour.",
        now=now,
        actor=actor,
        details={"rollout": str(rollout.id), "arm": arm, "path": path},
    )
    return f"{oauth.shop_url(domain)}{path}?{urlencode({'canary': token})}"


def read_override(shop_domain: str, *, token: str, header: str, now: datetime) -> Override | None:
    """
    Return which arm a request asks for, or None where it asks for none. A token has the last word.

    :raises BadAsk: if it names no arm, or its token is another shop's, too old or not ours
    """
    if token:
        said = _verified(shop_domain, token, now=now)
        return Override(said["arm"], is_signed=True, rollout_id=UUID(said["rollout"]))
    return Override(_known(header, "x-canary"), is_signed=False) if header else None


def _verified(shop_domain: str, token: str, *, now: datetime) -> dict[str, str]:
    try:
        said: dict[str, Any] = _signer().unsign_object(token)
    except (BadSignature, ValueError) as error:
        raise BadAsk("The canary's signature does not fit.", field="canary") from error
    if "rollout" not in said:
        raise BadAsk("The canary names no rollout. Ask for a new one.", field="canary")
    if said["shop"] != shop_domain:
        raise BadAsk("The canary was signed for another shop.", field="canary")
    if now >= datetime.fromtimestamp(said["until"], tz=UTC):
        raise BadAsk("The canary's hour is over. Ask for a new one.", field="canary")
    return said


def _known(arm: str, field: str) -> str:
    if arm not in ARMS:
        raise BadAsk(f"The arm must be {' or '.join(ARMS)}.", field=field)
    return arm


def _signer() -> Signer:
    return Signer(salt="backend.serving.override", sep=".")
