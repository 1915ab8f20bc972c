"""Keep a shop's decisions for another time: ``manage.py keep_decisions DOMAIN DAYS --by ID``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from backend.audit import services
from backend.audit.services import BadRetention
from backend.core import clock
from backend.shops import queries as shops


class Command(BaseCommand):
    """Set for how many days, and write the act into the shop's ledger."""

    help = "Keep a shop's decisions for some days, 0 for good, 'default' for as long as the deployment does."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the arguments."""
        parser.add_argument("shop", help="the shop's domain")
        parser.add_argument("days", help="a number of days, 0 or 'default'")
        parser.add_argument(
            "--by", type=int, required=True, metavar="ID", help="the staff account that answers for it"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Set it."""
        shop = shops.find_shop_by_domain(options["shop"])
        if shop is None:
            raise CommandError(f"There is no shop {options['shop']}.")
        if options["days"] != "default" and not options["days"].isdigit():
            raise CommandError(f"{options['days']} is no number of days.")
        days = None if options["days"] == "default" else int(options["days"])
        try:
            services.keep_decisions(shop.id, days=days, now=clock.now(), actor=f"staff:{options['by']}")
        except BadRetention as error:
            raise CommandError(str(error)) from error
        told = "as long as the deployment says" if days is None else f"{days} days" if days else "good"
        self.stdout.write(f"The decisions of {options['shop']} are kept for {told}.")
