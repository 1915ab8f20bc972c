from tools.demo import pages

CAROUSEL = """
<main><ul><li class="tailorbird__card" data-product="1">outside any carousel</li></ul>
<tailorbird-carousel class="tailorbird"><section>
  <ul class="tailorbird__list">
    <li class="tailorbird__card" data-product="11" data-decision="d-1"><img src="x">
      <h3><a href="/products/mug">Mug</a></h3>
      <form method="post" action="/cart/add"><input type="hidden" name="id" value="5"></form></li>
    <li class="tailorbird__card other" data-product="12" data-decision="d-1">
      <a href="/products/bowl">Bowl</a></li>
    <li class="note">not a card</li>
  </ul></section>
  <template><li class="tailorbird__card" data-product=""><a href="">blank</a></li></template>
</tailorbird-carousel></main>
"""


def test_a_carousel_is_what_a_browser_without_a_script_shows():
    at = "http://shop.test/products/plate"
    cards = pages.carousel(pages.read(CAROUSEL), at=at)

    quick_add = pages.Form("POST", "http://shop.test/cart/add", {"id": "5"})
    assert cards == [
        pages.Card("11", "d-1", "http://shop.test/products/mug", quick_add, page=at),
        pages.Card("12", "d-1", "http://shop.test/products/bowl", None, page=at),
    ]


def test_a_page_without_a_carousel_has_no_cards():
    assert pages.carousel(pages.read("<main><h1>Sold out</h1></main>"), at="http://shop.test/") == []


def test_a_form_is_sent_as_it_stands_on_the_page():
    page = pages.read(
        '<form method="post" action="add"><input name="id" value="7">'
        '<input type="checkbox" name="gift" value="1">'
        '<input type="radio" name="size" value="s"><input type="radio" name="size" value="m" checked>'
        '<select name="country"><option value="de">Germany</option><option selected>France</option></select>'
        '<input value="nameless"></form>'
    )

    assert pages.forms(page, at="http://shop.test/cart/") == [
        pages.Form("POST", "http://shop.test/cart/add", {"id": "7", "size": "m", "country": "France"})
    ]


def test_text_of_nested_elements_is_read_in_one_line():
    page = pages.read("<td> Order\n <b>#1001</b> </td>")

    assert page.all("td")[0].whole_text() == "Order #1001"
