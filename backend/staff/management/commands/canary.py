"""Print the address of a storefront that shows one arm of its rollout: ``manage.py canary DOMAIN ARM``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.core import clock
from backend.rollouts import queries as rollouts
from backend.rollouts.values import CANDIDATE, CHAMPION
from backend.serving.services import override_url
from backend.shops import queries as shops


class Command(BaseCommand):
    """Sign which arm a page shows, for an hour. Nobody's record says more than that somebody looked."""

    help = (
        "Print an address at which a storefront shows one arm of its rollout for an hour, to whoever has it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the arguments."""
        parser.add_argument("shop", help="the shop's domain")
        parser.add_argument("arm", choices=[CANDIDATE, CHAMPION], help="what the page's personal order shows")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print it."""
        shop = shops.find_shop_by_domain(options["shop"])
        if shop is None:
            raise CommandError(f"There is no shop {options['shop']}.")
        rollout = rollouts.find_live_rollout(shop.id)
        if rollout is None:
            raise CommandError(f"{shop.domain} has no rollout under way.")
        self.stdout.write(override_url(shop.domain, options["arm"], rollout_id=rollout.id, now=clock.now()))
