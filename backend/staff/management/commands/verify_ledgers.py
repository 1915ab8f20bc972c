"""Verify the seals of the ledgers: ``manage.py verify_ledgers [--shop DOMAIN] [--anchor FILE]``."""

import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError

from backend.audit import services
from backend.audit.values import Ledger, SealedHead, Unsealed, Verification
from backend.core import clock, signatures
from backend.shops import queries as shops

MOST_TOLD: Final = 20


class Command(BaseCommand):
    """Walk every chain and every row that it sealed; end with 1 if anything is wrong."""

    help = "Verify that no row of the ledgers was changed, dropped, added or reordered since it was sealed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Name the options."""
        parser.add_argument(
            "--shop", action="append", default=[], help="a shop's domain; all shops if left out"
        )
        parser.add_argument(
            "--anchor", action="append", default=[], type=Path, metavar="FILE",
            help="heads that were exported: with them a cut end and a chain made anew are found too",
        )  # fmt: skip
        parser.add_argument(
            "--key", action="store_true", help="print the public signing key and do nothing else"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Verify, and tell what was found."""
        if options["key"]:
            self.stdout.write(signatures.public_key_text())
            return
        given = [head for file in options["anchor"] for head in services.read_anchor(_text(file))]
        anchors = given + services.kept_anchors()
        wrong = 0
        for shop_id in _shop_ids(options["shop"], anchors):
            for ledger in Ledger:
                wrong += self._verify(shop_id, ledger, anchors)
        if wrong:
            raise CommandError(f"{wrong} of the chains are not as they were sealed.", returncode=1)

    def _verify(self, shop_id: int, ledger: Ledger, anchors: list[SealedHead]) -> bool:
        began = time.monotonic()
        found = services.verify_and_remember(shop_id, ledger, is_whole=True, anchors=anchors, now=clock.now())
        seconds = time.monotonic() - began
        name = f"shop {shop_id}, {ledger}"
        if found is None:
            self.stdout.write(f"{name}: nothing was sealed yet")
            return False
        self.stdout.write(f"{name}: {told(found)} ({seconds:.1f} s)")
        for finding in found.findings[:MOST_TOLD]:
            self.stdout.write(self.style.ERROR(f"  {finding.fault}: {finding.words}"))
        if len(found.findings) > MOST_TOLD:
            self.stdout.write(f"  and {len(found.findings) - MOST_TOLD} more")
        return not found.ok


def told(found: Verification) -> str:
    """Return what a verification found, in one line."""
    verdict = "as sealed" if found.ok else "NOT as sealed"
    parts = [f"{found.rows:,} rows in {found.segments:,} segments are {verdict}"]
    if found.erased:
        parts.append(f"{found.erased:,} of them erased")
    if found.retired:
        parts.append(f"{found.retired:,} taken by retention")
    return ", ".join(parts) + f"; {_tail(found.unsealed)}"


def _tail(unsealed: Unsealed) -> str:
    if unsealed.oldest_at is None:
        return "none wait to be sealed"
    age = (clock.now() - unsealed.oldest_at).total_seconds()
    return f"{unsealed.rows:,} wait to be sealed, the oldest for {age:,.0f} s"


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{file} can't be read.") from error


def _shop_ids(domains: list[str], anchors: list[SealedHead]) -> list[int]:
    if not domains:
        # A chain that an anchor knows of and nobody has any more is looked for too.
        return services.verifiable_shop_ids(anchors)
    found = []
    for domain in domains:
        shop = shops.find_shop_by_domain(domain, is_fresh=True)
        if shop is None:
            raise CommandError(f"There is no shop {domain}.")
        found.append(shop.id)
    return found
