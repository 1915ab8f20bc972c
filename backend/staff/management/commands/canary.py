"""Print an address that shows a shop as one arm of its rollout: ``manage.py canary DOMAIN ARM --by ID``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.core import clock
from backend.rollouts import queries as rollouts
from backend.rollouts.values import CANDIDATE, CHAMPION
from backend.serving.services import give_override_url
from backend.shops import queries as shops


class Command(BaseCommand):
    """Sign which arm a page shows, for an hour, and write into the shop's ledger who asked for that."""

    help = (
        "Print an address at which a storefront shows one arm of its rollout for an hour, to whoever has it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the arguments."""
        parser.add_argument("shop", help="the shop's domain")
        parser.add_argument("arm", choices=[CANDIDATE, CHAMPION], help="what the page's personal order shows")
        parser.add_argument(
            "--by", type=int, required=True, metavar="ID", help="the staff account that looks at it"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Print it."""
        shop = shops.find_shop_by_domain(options["shop"])
        if shop is None:
            raise CommandError(f"There is no shop {options['shop']}.")
        rollout = rollouts.find_live_rollout(shop.id)
        if rollout is None:
            raise CommandError(f"{shop.domain} has no rollout under way.")
        actor = f"staff:{options['by']}"
        self.stdout.write(give_override_url(rollout, options["arm"], now=clock.now(), actor=actor))
