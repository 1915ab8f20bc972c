"""
A made-up shop that lives through a week while it answers shoppers: orders and refunds, stock, new titles,
new products, other collections, other settings, and new versions that were really trained.

Everything goes the product's own way where it has one: orders become interactions by its services, versions
are trained on its export and released, answers come from its web process's desk. Only time is short: what a
process keeps for seconds it keeps for fractions of one.
"""

import random
import shutil
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Final

from django.db import connection

from backend.audit import services as audit
from backend.audit.values import Surface
from backend.catalog.models import Collection, Order, OrderLine, Product, ProductCollection
from backend.features import queries as feature_queries
from backend.features import services as features
from backend.registry import services as registry
from backend.registry.values import Lineage, Outcome
from backend.rollouts import queries as rollout_queries
from backend.rollouts import services as rollouts
from backend.rollouts.queries import recent
from backend.serving import gateway, queries
from backend.serving.services import Desk, GeneralLists, StageTimer
from backend.serving.values import Ask, Form
from backend.shops import queries as shop_queries
from backend.shops import services as shops
from backend.shops.models import Shop
from models.recommender.api import Recipe, train

WEEK: Final = timedelta(days=7)
PRODUCTS: Final = 300
CUSTOMERS: Final = 150
FORMER_ORDERS: Final = 1_000
FORMER_DAYS: Final = 120
COLLECTIONS: Final = 12
# As many as the web process's threads.
THREADS: Final = 4
DECISIONS_BETWEEN_CHANGES: Final = 10
# As short as a training can be: a version has to be another one, not a good one.
RECIPE: Final = Recipe(
    train_seconds=8.0, epochs=1, width=16, layers=1, window=16, test_days=7.0, validation_days=7.0
)
ACTOR: Final = "user 1"

THINGS: Final = ("Candle", "Mug", "Lamp", "Blanket", "Vase", "Tea")
LOOKS: Final = ("Cedar", "Blue", "Woollen", "Small", "Old", "Striped", "Morning", "Röstfein")

_numbers = count(5_000_000)


def hurry() -> None:
    """Let this process read anew what it keeps after fractions of the time."""
    queries.FRESH_SECONDS, queries.USABLE_SECONDS = 0.2, 1.0  # type: ignore[misc]
    gateway.NEW_PRODUCTS_SECONDS = 0.5  # type: ignore[misc]
    recent.FRESH_SECONDS = 0.2  # type: ignore[misc]
    feature_queries.LIST_SECONDS = 1


class Week:
    """
    One shop and its week.

    :param decisions: how many answers it gives in that week
    :param ends_at: when the week is over
    """

    def __init__(self, folder: Path, *, decisions: int, ends_at: datetime) -> None:
        self.decisions = decisions
        self.decision_ids: list[uuid.UUID] = []
        self._chance = random.Random(11)  # noqa: S311 -- makes data
        self._folder = folder
        self._ends_at = ends_at
        self._asked = count(1)
        self._now = ends_at - WEEK
        self._changes = 0
        self.shop = self._open()
        self.desk = Desk(self.clock)

    def clock(self) -> datetime:
        """Return the moment that it is in the shop."""
        return self._now

    def live(self, asks: int) -> None:
        """Answer some shoppers, several at once, while the shop changes around them."""
        with ThreadPoolExecutor(THREADS) as threads:
            done = 0
            while done < asks:
                some = min(DECISIONS_BETWEEN_CHANGES, asks - done)
                answers = [threads.submit(self._answer, self._ask()) for _ in range(some)]
                self.change()
                self.decision_ids += [one for answer in answers if (one := answer.result()) is not None]
                done += some
            for _ in range(THREADS):
                threads.submit(connection.close)

    def change(self) -> None:
        """Let one thing happen: each kind in its turn."""
        kinds: tuple[Callable[[], None], ...] = (
            self._sell, self._refund, self._move_stock, self._rename, self._sell, self._arrive,
            self._rearrange, self._move_stock, self._delete, self._sell, self._refund, self._move_stock,
            self._set_place_for_new, self._set_holdout,
        )  # fmt: skip
        kinds[self._changes % len(kinds)]()
        self._changes += 1

    def retrain(self) -> None:
        """Train a version on all that happened so far, and let it answer."""
        folder = self._folder / "training"
        shutil.rmtree(folder, ignore_errors=True)
        dataset = feature_queries.export(self.shop.id, until=self._now, folder=folder / "dataset")
        report = train(folder / "dataset", folder / "artifact", RECIPE, code_revision="bench")
        lineage = Lineage(
            data_hash=dataset.sha256,
            data_until=dataset.until,
            code_revision="bench",
            interactions=report.interactions,
            customers=report.users,
            products=report.items,
            train_seconds=report.train_seconds,
        )
        outcome = Outcome(report.served, (), (), report.summary)
        version = registry.register(
            self.shop.id, folder / "artifact", lineage=lineage, outcome=outcome, now=self._now
        )
        rollouts.stage(self.shop.id, version.id, now=self._now)
        rollouts.set_champion(
            self.shop.id, version.id, reason="It is a new week.", now=self._now, actor=ACTOR
        )

    def publish(self, pages: int) -> None:
        """Decide the lists of some pages, as they are written ahead."""
        arms = rollout_queries.fresh_arms(self.shop.id).arms
        lists = GeneralLists(arms[0], clock=self.clock)
        chosen = [None, *self._chance.sample(self._product_ids, pages)]
        decided = [lists.decide(page, without={self._product_ids[0]}) for page in chosen]
        decided.append(lists.decide_held_out())
        audit.record_decisions(decided, shop_id=self.shop.id)
        self.decision_ids += [one.id for one in decided]

    # The shop

    def _open(self) -> Shop:
        domain = f"week-{uuid.uuid4().hex[:12]}.myshopify.com"
        chance = self._chance.random
        shop: Shop = Shop.objects.create(
            domain=domain, pseudonym_key=uuid.uuid4().hex * 2, installed_at=self._now, currency="EUR"
        )
        self._product_ids = [8_000_000_000_000 + 32_768 * number for number in range(PRODUCTS)]
        self._customers = [6_000_000_000_000 + number for number in range(CUSTOMERS)]
        self._keys = {one: shops.pseudonym(shop.id, one) for one in self._customers}
        self._browsers = [str(uuid.uuid4()) for _ in range(CUSTOMERS)]
        self.shop = shop
        opened = self._now - timedelta(days=FORMER_DAYS + 30)
        rows = [self._product(one, born=opened) for one in self._product_ids]
        Product.objects.for_shop(shop.id).bulk_create(rows)
        for number in range(COLLECTIONS):
            self._collect(1 + number)
        self._order([self._now - timedelta(days=chance() * FORMER_DAYS) for _ in range(FORMER_ORDERS)])
        features.rebuild(shop.id)
        return shop

    def _product(self, product_id: int, *, born: datetime) -> Product:
        thing = self._chance.choice(THINGS)
        return Product(
            shop_id=self.shop.id,
            product_id=product_id,
            handle=f"product-{product_id}",
            title=f"{self._chance.choice(LOOKS)} {thing} No. {product_id % 9973}",
            vendor="Willow",
            product_type=thing,
            tags=self._chance.sample(LOOKS, 2),
            status="ACTIVE",
            published_at=born,
            price_min=Decimal(self._chance.randint(300, 9_000)) / 100,
            price_max=Decimal(90),
            currency="EUR",
            available=self._chance.random() < 0.95,
            created_at=born,
            updated_at=born,
        )

    def _collect(self, collection_id: int) -> None:
        Collection.objects.for_shop(self.shop.id).get_or_create(
            collection_id=collection_id,
            defaults={"handle": f"c{collection_id}", "title": "Gifts", "updated_at": self._now},
        )
        mates = self._chance.sample(self._product_ids, 20)
        rows = [ProductCollection(product_id=one, collection_id=collection_id) for one in mates]
        ProductCollection.objects.for_shop(self.shop.id).bulk_create(rows, ignore_conflicts=True)

    def _order(self, moments: Sequence[datetime]) -> list[int]:
        """Place orders, each of a customer with habits, and return their ids."""
        placed = Order.objects.for_shop(self.shop.id).bulk_create([self._placed(at) for at in moments])
        lines = [line for order in placed for line in self._lines(order)]
        OrderLine.objects.for_shop(self.shop.id).bulk_create(lines)
        return [order.order_id for order in placed]

    def _placed(self, at: datetime) -> Order:
        customer = self._chance.choice(self._customers) if self._chance.random() < 0.8 else None
        return Order(
            shop_id=self.shop.id,
            order_id=next(_numbers),
            customer_key=None if customer is None else self._keys[customer],
            created_at=at,
            processed_at=at,
            updated_at=at,
            currency="EUR",
        )

    def _lines(self, order: Order) -> list[OrderLine]:
        favourite = int(order.customer_key or "0", 16) % PRODUCTS
        places = {favourite, (favourite + self._chance.randint(1, 3)) % PRODUCTS, self._chance.randrange(40)}
        return [
            OrderLine(
                shop_id=self.shop.id,
                order=order,
                line_id=next(_numbers),
                product_id=self._product_ids[place],
                quantity=1,
                current_quantity=1,
                unit_price=Decimal(9),
                discounted_total=Decimal(9),
            )
            for place in sorted(places)
        ]

    # What happens

    def _sell(self) -> None:
        for order_id in self._order([self._now] * 3):
            features.extend(self.shop.id, order_id)

    def _refund(self) -> None:
        bought = OrderLine.objects.for_shop(self.shop.id).filter(current_quantity__gt=0)
        for line in bought.order_by("-id")[: self._chance.randint(1, 20)]:
            OrderLine.objects.for_shop(self.shop.id).filter(id=line.id).update(current_quantity=0)
            features.extend(self.shop.id, line.order.order_id)

    def _move_stock(self) -> None:
        rows = Product.objects.for_shop(self.shop.id)
        some = self._chance.sample(self._product_ids, 8)
        rows.filter(product_id__in=some[:4]).update(available=False)
        rows.filter(product_id__in=some[4:]).update(available=True)

    def _rename(self) -> None:
        for product_id in self._chance.sample(self._product_ids, 5):
            changed = self._product(product_id, born=self._now)
            Product.objects.for_shop(self.shop.id).filter(product_id=product_id).update(
                title=changed.title, product_type=changed.product_type
            )

    def _arrive(self) -> None:
        product_id = self._product_ids[-1] + 32_768
        arrived = self._product(product_id, born=self._now)
        Product.objects.for_shop(self.shop.id).bulk_create([arrived])
        self._product_ids.append(product_id)

    def _rearrange(self) -> None:
        chosen = self._chance.randint(1, COLLECTIONS)
        ProductCollection.objects.for_shop(self.shop.id).filter(collection_id=chosen).delete()
        self._collect(chosen)

    def _delete(self) -> None:
        gone = self._chance.choice(self._product_ids)
        Product.objects.for_shop(self.shop.id).filter(product_id=gone).update(deleted_at=self._now)

    def _set_place_for_new(self) -> None:
        is_on = self._chance.random() < 0.5
        shops.show_new_products(self.shop.id, is_on=is_on, now=self._now, actor=ACTOR)
        shop_queries.forget_cached()

    def _set_holdout(self) -> None:
        percent = self._chance.choice([0, 5, 10])
        rollouts.set_holdout(self.shop.id, percent, now=self._now, actor=ACTOR)

    # Who asks

    def _ask(self) -> Ask:
        """Return what one shopper asks: known or not, with a cart or without, on either page."""
        chance = self._chance
        self._now = self._ends_at - WEEK + WEEK * (next(self._asked) / (self.decisions + 1))
        is_page = chance.random() < 0.6
        is_known = chance.random() < 0.6
        visit = chance.sample(self._product_ids, 12) if is_known else []
        seen, lying = chance.randint(0, 6), chance.randint(0, 2)
        return Ask(
            shop_domain=self.shop.domain,
            surface=Surface.PRODUCT_PAGE if is_page else Surface.HOME_PAGE,
            limit=chance.choice([4, 8, 8, 24]),
            form=Form.JSON,
            context_product_id=chance.choice(self._product_ids) if is_page else None,
            recent=tuple(visit[:seen]),
            cart=tuple(visit[seen : seen + lying]),
            exclude=tuple(chance.sample(self._product_ids, 8)) if chance.random() < 0.3 else (),
            visitor=chance.choice(self._browsers) if is_known else None,
            customer_id=chance.choice(self._customers) if is_known and chance.random() < 0.5 else None,
        )

    def _answer(self, ask: Ask) -> uuid.UUID | None:
        answer: Any = self.desk.answer(ask, timer=StageTimer(), request_id="")
        return answer.decision_id if answer else None
