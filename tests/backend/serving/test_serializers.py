"""Answers as the bytes that a storefront gets."""

import json
from uuid import UUID

from backend.audit.values import ShownItem, Surface
from backend.serving.serializers import to_json
from backend.serving.values import Answer, Card

DECISION = UUID("01936f3e-0000-7000-8000-000000000001")


def a_card(product_id: int, title: str, image_url: str = "") -> Card:
    return Card(
        product_id=product_id,
        handle=f"p-{product_id}",
        title=title,
        product_type="Tools",
        url=f"/products/p-{product_id}",
        price="9.50",
        currency="GBP",
        image_url=image_url,
        image_alt="",
        image_width=600,
        image_height=400,
    )


def an_answer(*items: tuple[ShownItem, Card], fallback: str = "") -> Answer:
    return Answer(DECISION, Surface.HOME_PAGE, items, 7, fallback=fallback, is_personal=True)


def test_an_answer_is_the_json_of_its_fields_whatever_a_merchant_calls_a_product() -> None:
    pictured = a_card(1, 'Bücher "für" {zwei}\n</script>', "https://cdn.example.com/1.png")
    plain = a_card(2, "}")
    answer = an_answer(
        (ShownItem(1, 0.5, 'Similar to "x"}', 1), pictured), (ShownItem(2, None, "Popular", 2), plain)
    )

    told = to_json(answer).decode()

    shown = {"currency": "GBP", "price": "9.50"}
    picture = {"url": "https://cdn.example.com/1.png", "alt": "", "width": 600, "height": 400}
    assert json.loads(told) == {
        "decision": str(DECISION),
        "surface": "home",
        "version": 7,
        "fallback": None,
        "personal": True,
        "items": [
            {
                "product_id": 1,
                "handle": "p-1",
                "title": pictured.title,
                "url": "/products/p-1",
                "image": picture,
            }
            | shown
            | {"why": 'Similar to "x"}', "position": 1},
            {"product_id": 2, "handle": "p-2", "title": "}", "url": "/products/p-2"}
            | shown
            | {"image": None}
            | {"why": "Popular", "position": 2},
        ],
    }
    assert told == json.dumps(json.loads(told), ensure_ascii=False)


def test_a_card_is_written_anew_once_its_product_is_called_otherwise() -> None:
    item = ShownItem(1, 0.5, "Popular", 1)

    titles = [json.loads(to_json(an_answer((item, a_card(1, title)))))["items"][0]["title"] for title in "ab"]

    assert titles == ["a", "b"]


def test_an_answer_without_products_is_an_empty_list() -> None:
    assert json.loads(to_json(an_answer(fallback="nothing_to_show")))["items"] == []
