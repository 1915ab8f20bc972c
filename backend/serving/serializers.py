"""Query strings to questions, and answers to JSON or Liquid."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from html import escape
from typing import Final
from uuid import UUID

from backend.audit.values import Surface
from backend.rollouts.values import FULL_WEIGHT
from backend.serving.services import read_override
from backend.serving.values import (
    MAX_ITEMS,
    MAX_LISTED,
    Answer,
    Ask,
    BadAsk,
    Card,
    Form,
    PageDraw,
    Purpose,
)
from backend.shopify.values import ProxyRequest

DEFAULT_LIMIT: Final = 8

# Cards whose JSON a process keeps: about 5 MB.
MOST_WRITTEN: Final = 10_000

SURFACES: Final = {"product": Surface.PRODUCT_PAGE, "home": Surface.HOME_PAGE}

# Product ids are signed 64-bit and positive at Shopify.
_ID: Final = re.compile(r"[1-9][0-9]{0,18}")
_LARGEST_ID: Final = 2**63 - 1
_UUID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)

# Letters of any script, digits, hyphen and underscore: nothing that Liquid or HTML could read as its own.
_HANDLE: Final = re.compile(r"[\w-]{1,255}")

# No name may be the start of another: see the signature's trap in the documentation of app proxies.
PARAMETERS: Final = (
    "surface",
    "product",
    "limit",
    "consent",
    "cart",
    "recent",
    "exclude",
    "visitor",
    "format",
    "canary",
    "rollout",
)


def parse_ask(request: ProxyRequest, *, header: str = "", now: datetime) -> Ask:
    """
    Return the question that a verified request asks.

    Parameters that we do not know are ignored, since themes and Shopify may add their own.

    Nobody is known who did not allow it: the storefront states what a visitor
    granted, and without preferences neither who asks nor what they looked at
    gets past this door, whatever the request says.

    :param header: which arm of a rollout the request asks to see; a token of ours has the last word
    :raises BadAsk: if one of ours is repeated or has the wrong form
    """
    _refuse_repeats(request)
    given = request.parameters
    token = given.get("canary", "")
    override = read_override(request.shop_domain, token=token, header=header, now=now)
    ask = replace(_ask(request, given), override=override)
    if Purpose.PREFERENCES in _consent(given.get("consent", "")):
        return ask
    return replace(ask, cart=(), recent=(), exclude=ask.cart + ask.exclude, visitor=None, customer_id=None)


def _ask(request: ProxyRequest, given: Mapping[str, str]) -> Ask:
    surface = _surface(given)
    product = _id(given["product"], "product") if given.get("product") else None
    is_product_page = surface is Surface.PRODUCT_PAGE
    if is_product_page and product is None:
        raise BadAsk("A product page must name its product.", field="product")
    return Ask(
        shop_domain=request.shop_domain,
        surface=surface,
        limit=_limit(given.get("limit", "")),
        form=_form(given.get("format", "")),
        context_product_id=product if is_product_page else None,
        cart=_ids(given.get("cart", ""), "cart"),
        recent=_ids(given.get("recent", ""), "recent"),
        exclude=_ids(given.get("exclude", ""), "exclude"),
        visitor=_visitor(given.get("visitor", "")),
        drawn=_drawn(given.get("rollout", "")),
        customer_id=request.logged_in_customer_id,
    )


def _consent(text: str) -> frozenset[Purpose]:
    try:
        return frozenset(Purpose(part) for part in text.split(",")) if text else frozenset()
    except ValueError as error:
        known = ", ".join(Purpose)
        raise BadAsk(f"The consent must be a list of {known}.", field="consent") from error


def _refuse_repeats(request: ProxyRequest) -> None:
    for name in PARAMETERS:
        if name in request.repeated:
            raise BadAsk(f"The parameter {name} comes more than once.", field=name)


def _surface(given: Mapping[str, str]) -> Surface:
    surface = SURFACES.get(given.get("surface", ""))
    if surface is None:
        raise BadAsk("The surface must be product or home.", field="surface")
    return surface


def _limit(text: str) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not _ID.fullmatch(text) or int(text) > MAX_ITEMS:
        raise BadAsk(f"The limit must be a number from 1 to {MAX_ITEMS}.", field="limit")
    return int(text)


def _form(text: str) -> Form:
    try:
        return Form(text or Form.JSON)
    except ValueError as error:
        raise BadAsk("The format must be json or liquid.", field="format") from error


def _ids(text: str, name: str) -> tuple[int, ...]:
    if not text:
        return ()
    parts = text.split(",")
    if len(parts) > MAX_LISTED:
        raise BadAsk(f"The list {name} has more than {MAX_LISTED} products.", field=name)
    return tuple(dict.fromkeys(_id(part, name) for part in parts))


def _id(text: str, name: str) -> int:
    if not _ID.fullmatch(text) or int(text) > _LARGEST_ID:
        raise BadAsk(f"The parameter {name} must hold product ids.", field=name)
    return int(text)


def _visitor(text: str) -> str | None:
    if not text:
        return None
    if not _UUID.fullmatch(text.lower()):
        raise BadAsk("The visitor must be a UUID.", field="visitor")
    return text.lower()


def _drawn(text: str) -> PageDraw | None:
    if not text:
        return None
    if text == "none":
        return PageDraw()
    rollout, _, percent = text.partition(":")
    if not _UUID.fullmatch(rollout) or not _ID.fullmatch(percent) or int(percent) > FULL_WEIGHT:
        raise BadAsk("The rollout must be none, or an id and a share in percent.", field="rollout")
    return PageDraw(UUID(rollout), int(percent))


def to_json(answer: Answer | None) -> bytes:
    """Return an answer as JSON; without one, an empty list that makes the block keep its default."""
    if answer is None:
        return b'{"items": []}'
    told = {
        "decision": str(answer.decision_id),
        "surface": next(name for name, surface in SURFACES.items() if surface is answer.surface),
        "version": answer.version_number,
        "fallback": answer.fallback or None,
        "personal": answer.is_personal,
    }
    items = (
        f'{_card(card)}, "why": {_encode(item.why)}, "position": {item.position}}}'
        for item, card in answer.items
    )
    return f'{_open(told)}, "items": [{", ".join(items)}]}}'.encode()


_encode: Final = json.JSONEncoder(ensure_ascii=False).encode


def _open(fields: Mapping[str, object]) -> str:
    """Return an object as JSON that is not closed yet."""
    return _encode(fields).removesuffix("}")


# Most of an answer is cards, which this process keeps and shows to many.
@lru_cache(maxsize=MOST_WRITTEN)
def _card(card: Card) -> str:
    """Return a card as the beginning of an item."""
    fields = {
        "product_id": card.product_id,
        "handle": card.handle,
        "title": card.title,
        "url": card.url,
        "price": card.price,
        "currency": card.currency,
        "image": _image(card),
    }
    return _open(fields)


def _image(card: Card) -> dict[str, object] | None:
    if not card.image_url:
        return None
    return {
        "url": card.image_url,
        "alt": card.image_alt,
        "width": card.image_width,
        "height": card.image_height,
    }


def to_liquid(answer: Answer | None) -> bytes:
    """
    Return an answer as Liquid that Shopify renders without the theme's layout.

    Only handles and the decision's id get into the template, both of a form
    that can't end a string or a tag; everything a shopper reads comes from
    ``all_products`` and is escaped there. Shopify allows 20 of those a page.
    """
    if answer is None:
        return b"{% layout none %}"
    cards = [
        CARD.format(handle=card.handle, decision=answer.decision_id, why=escape(_plain(item.why)))
        for item, card in answer.items[:ALL_PRODUCTS_LIMIT]
        if _HANDLE.fullmatch(card.handle)
    ]
    return (LIST_START + "".join(cards) + LIST_END).encode()


def _plain(text: str) -> str:
    # A title inside the reason may hold braces, which Liquid would run.
    return text.replace("{", "(").replace("}", ")").replace("%", "")


ALL_PRODUCTS_LIMIT: Final = 20

LIST_START: Final = '{% layout none %}<ul class="tailorbird__list" role="list">'
LIST_END: Final = "</ul>"
CARD: Final = """
{{% assign item = all_products['{handle}'] %}}{{% assign image = item.featured_image %}}
{{% if item.available %}}
<li class="tailorbird__card" data-product="{{{{ item.id }}}}" data-decision="{decision}">
  <div class="tailorbird__media">{{% if image %}}<img class="tailorbird__image"
    src="{{{{ image | image_url: width: 360 }}}}" alt="{{{{ image.alt | default: item.title | escape }}}}"
    width="{{{{ image.width | default: 360 }}}}" height="{{{{ image.height | default: 360 }}}}"
    loading="lazy" decoding="async">{{% endif %}}</div>
  <h3 class="tailorbird__title">
    <a class="tailorbird__link" href="{{{{ item.url }}}}">{{{{ item.title | escape }}}}</a>
  </h3>
  <p class="tailorbird__price"><span class="tailorbird__now">{{{{ item.price | money }}}}</span></p>
  <p class="tailorbird__why">{why}</p>
</li>{{% endif %}}"""
