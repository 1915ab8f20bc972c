"""How far a shop has come."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from urllib.parse import urlencode

from backend.audit import queries as audit
from backend.audit.values import Channel, Surface
from backend.catalog import queries as catalog
from backend.catalog.values import ImportProgress, Part
from backend.features import queries as features
from backend.onboarding.models import ThemeReport
from backend.onboarding.rules import checklist as rules
from backend.onboarding.values import (
    Amounts,
    Block,
    BlockFacts,
    BlockStatus,
    Facts,
    ImportPart,
    Placement,
    Publishing,
    Setup,
    Training,
)
from backend.publishing import queries as publishing
from backend.registry.values import Version
from backend.rollouts import queries as rollouts
from backend.shopify import credentials, oauth
from backend.shopify.values import missing_scopes
from backend.shops import queries as shops
from backend.shops.values import ShopInfo
from backend.training import queries as training

BLOCKS = {
    Placement.PRODUCT: ("product", "product-recommendations"),
    Placement.HOME: ("index", "home-recommendations"),
}

SURFACES = {Placement.PRODUCT: Surface.PRODUCT_PAGE, Placement.HOME: Surface.HOME_PAGE}

ALL_ORDERS = "read_all_orders"


def setup(shop_id: int, *, now: datetime) -> Setup:
    """Return the checklist of one shop."""
    shop = shops.get_shop(shop_id)
    facts = _facts(shop, now=now)
    return Setup(
        shop=shop.domain,
        steps=rules.steps(facts),
        counts=facts.amounts,
        recommendations_live=rules.is_live(facts),
        serving=rules.serving(facts),
        missing=rules.missing(facts),
        blocks=facts.blocks,
        theme_editor_urls={page.value: _editor_url(shop.domain, *block) for page, block in BLOCKS.items()},
    )


def _facts(shop: ShopInfo, *, now: datetime) -> Facts:
    progress = catalog.import_progress(shop.id)
    version = rollouts.champion_version(shop.id)
    held = publishing.held(shop.id)
    return Facts(
        amounts=Amounts(**asdict(catalog.counts(shop.id))),
        products=_part(progress, Part.PRODUCTS, "products"),
        orders=_part(progress, Part.ORDERS, "orders"),
        training=_training(shop.id),
        version_number=version.number if version else None,
        is_published=version is not None and held.version_id == version.id,
        has_lists=publishing.has_lists(shop.id),
        publishing=_publishing(shop.id, version),
        publish_failure=held.failure,
        blocks=_blocks(shop.id, now=now),
        needs_reauth=shop.needs_reauth,
        missing_scopes=missing_scopes(shop.scopes),
        has_all_orders=ALL_ORDERS in shop.scopes,
        has_available_product=catalog.has_available_product(shop.id),
        has_purchases=features.has_purchases(shop.id),
    )


def _part(progress: ImportProgress | None, part: Part, unit: str) -> ImportPart:
    found = next((one for one in progress.parts if one.part is part), None) if progress else None
    if found is None:
        return ImportPart(state=None, done=0, total=0, unit=unit, error="")
    return ImportPart(found.state.value, found.done, found.total, found.unit, found.error, found.note)


def _training(shop_id: int) -> Training:
    run = training.find_last_run(shop_id)
    if run is None:
        return Training()
    return Training(run.state.value, run.progress.fraction, run.progress.message, run.error)


def _publishing(shop_id: int, version: Version | None) -> Publishing | None:
    """Return how far the first lists of what is live have come, as publishing tells it."""
    found = publishing.progress(shop_id, version.id) if version else None
    return Publishing(found.done, found.pages) if found else None


def _blocks(shop_id: int, *, now: datetime) -> tuple[Block, ...]:
    reports = {report.placement: report for report in ThemeReport.objects.for_shop(shop_id)}
    asked = audit.last_asked(shop_id, Channel.APP_PROXY, now=now)
    return tuple(
        rules.block(_block_facts(placement, reports.get(placement), asked), now=now)
        for placement in Placement
    )


def _block_facts(
    placement: Placement, report: ThemeReport | None, asked: Mapping[Surface, datetime]
) -> BlockFacts:
    return BlockFacts(
        placement,
        BlockStatus(report.status) if report else None,
        report.reported_at if report else None,
        asked.get(SURFACES[placement]),
    )


def _editor_url(domain: str, template: str, block: str) -> str:
    query = {
        "template": template,
        "addAppBlockId": f"{credentials.api_key()}/{block}",
        "target": "newAppsSection",
    }
    return f"{oauth.shop_url(domain)}/admin/themes/current/editor?{urlencode(query, safe='/')}"
