"""Reads of onboarding: how far a shop has come."""

from dataclasses import asdict
from urllib.parse import urlencode

from backend.audit import queries as audit
from backend.audit.values import Channel, Event
from backend.catalog import queries as catalog
from backend.catalog.values import ImportProgress, Part
from backend.onboarding import rules
from backend.onboarding.models import ThemeReport
from backend.onboarding.values import Amounts, BlockStatus, Facts, ImportPart, Setup, Training
from backend.registry import queries as registry
from backend.shopify import credentials, oauth
from backend.shopify.values import missing_scopes
from backend.shops import queries as shops
from backend.shops.values import ShopInfo
from backend.training import queries as training

BLOCKS = {
    "product": ("product", "product-recommendations"),
    "home": ("index", "home-recommendations"),
}

ALL_ORDERS = "read_all_orders"


def setup(shop_id: int) -> Setup:
    """Return the checklist of one shop."""
    shop = shops.get_shop(shop_id)
    facts = _facts(shop)
    return Setup(
        shop=shop.domain,
        steps=rules.steps(facts),
        counts=facts.amounts,
        recommendations_live=facts.is_published and rules.is_block_placed(facts),
        serving=rules.serving(facts),
        missing=rules.missing(facts),
        theme_editor_urls={page: _editor_url(shop.domain, *block) for page, block in BLOCKS.items()},
    )


def _facts(shop: ShopInfo) -> Facts:
    progress = catalog.import_progress(shop.id)
    version = registry.find_live_version(shop.id)
    return Facts(
        amounts=Amounts(**asdict(catalog.counts(shop.id))),
        products=_part(progress, Part.PRODUCTS, "products"),
        orders=_part(progress, Part.ORDERS, "orders"),
        training=_training(shop.id),
        version_number=version.number if version else None,
        is_published=bool(audit.events(shop.id, event=Event.RECOMMENDATIONS_PUBLISHED, limit=1)),
        block_status=_block_status(shop.id),
        is_storefront_heard=audit.find_last_decision(shop.id, Channel.APP_PROXY) is not None,
        needs_reauth=shop.needs_reauth,
        missing_scopes=missing_scopes(shop.scopes),
        has_all_orders=ALL_ORDERS in shop.scopes,
    )


def _part(progress: ImportProgress | None, part: Part, unit: str) -> ImportPart:
    found = next((one for one in progress.parts if one.part is part), None) if progress else None
    if found is None:
        return ImportPart(state=None, done=0, total=0, unit=unit, error="")
    return ImportPart(found.state.value, found.done, found.total, found.unit, found.error)


def _training(shop_id: int) -> Training:
    run = training.find_last_run(shop_id)
    if run is None:
        return Training()
    return Training(run.state.value, run.progress.fraction, run.progress.message, run.error)


def _block_status(shop_id: int) -> BlockStatus | None:
    report = ThemeReport.objects.for_shop(shop_id).first()
    return BlockStatus(report.status) if report else None


def _editor_url(domain: str, template: str, block: str) -> str:
    query = {
        "template": template,
        "addAppBlockId": f"{credentials.api_key()}/{block}",
        "target": "newAppsSection",
    }
    return f"{oauth.shop_url(domain)}/admin/themes/current/editor?{urlencode(query, safe='/')}"
