"""Reading the HTML that a merchant, a shopper and a support person get."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Final
from urllib.parse import urljoin

CARD_CLASS: Final = "tailorbird__card"
VOID_TAGS: Final = frozenset({"img", "input", "br", "hr", "meta", "link", "path", "source", "wbr"})


@dataclass
class Element:
    """One element with what is inside it."""

    tag: str
    attributes: dict[str, str]
    children: list["Element"] = field(default_factory=list)
    text: str = ""

    def all(self, tag: str, **attributes: str) -> list["Element"]:
        """Return the elements below with this tag and these attributes, in document order."""
        found = []
        for child in self.children:
            if child.tag == tag and attributes.items() <= child.attributes.items():
                found.append(child)
            found += child.all(tag, **attributes)
        return found

    def has_class(self, name: str) -> bool:
        return name in self.attributes.get("class", "").split()

    def whole_text(self) -> str:
        """Return the words of the element and of all below it."""
        return " ".join(" ".join([self.text, *(child.whole_text() for child in self.children)]).split())


class _Tree(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID_TAGS:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for place in range(len(self._open) - 1, 0, -1):
            if self._open[place].tag == tag:
                del self._open[place:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].text += data


def read(html: str) -> Element:
    """Return the tree of a page."""
    tree = _Tree()
    tree.feed(html)
    tree.close()
    return tree.root


@dataclass(frozen=True)
class Form:
    """A form ready to be sent as it stands on the page."""

    method: str
    url: str
    fields: dict[str, str]


@dataclass(frozen=True)
class Card:
    """
    One product of a carousel.

    :param decision_id: the decision that chose it; empty if no model did
    :param quick_add: its "Add to cart" form; None where a choice has to be made first
    :param page: the address of the page that it is on
    """

    product_id: str
    decision_id: str
    href: str
    quick_add: Form | None
    page: str = ""


def carousel(page: Element, *, at: str) -> list[Card]:
    """
    Return the cards that a browser without a script shows, in order.

    :param at: the page's own address
    """
    cards = [
        item
        for frame in page.all("tailorbird-carousel")
        for shown in frame.all("ul")
        for item in shown.all("li")
        if item.has_class(CARD_CLASS)
    ]
    return [_card(item, at) for item in cards]


def _card(item: Element, at: str) -> Card:
    links = item.all("a")
    return Card(
        product_id=item.attributes.get("data-product", ""),
        decision_id=item.attributes.get("data-decision", ""),
        href=urljoin(at, links[0].attributes.get("href", "")) if links else "",
        quick_add=next(iter(forms(item, at=at)), None),
        page=at,
    )


def forms(page: Element, *, at: str) -> list[Form]:
    """Return the forms of a page with the values a person would find filled in."""
    return [_form(form, at) for form in page.all("form")]


def _form(form: Element, at: str) -> Form:
    method = form.attributes.get("method", "get").upper()
    return Form(method, urljoin(at, form.attributes.get("action", "")), _fields(form))


def _fields(form: Element) -> dict[str, str]:
    boxes = [box for box in form.all("input") if box.attributes.get("name")]
    fields = {
        box.attributes["name"]: box.attributes.get("value", "")
        for box in boxes
        if box.attributes.get("type") not in {"checkbox", "radio"} or "checked" in box.attributes
    }
    for choice in form.all("select"):
        options = choice.all("option")
        marked = [option for option in options if "selected" in option.attributes]
        for picked in (marked or options)[:1]:
            fields[choice.attributes.get("name", "")] = picked.attributes.get("value", picked.whole_text())
    return fields
