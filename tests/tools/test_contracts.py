import pytest

from tools.checks.contracts import is_private


@pytest.mark.parametrize(("case", "importer", "imported", "becomes"), [
    ("another app's table", "backend.serving.rules", "backend.shops.models", True),
    ("a part of another app's rules", "backend.serving.views", "backend.rollouts.rules.verdict", True),
    ("another app's services", "backend.serving.services.answering", "backend.shops.services", False),
    ("its own tables", "backend.catalog.services.apply", "backend.catalog.models", False),
    ("a library's door", "backend.catalog.gateway", "backend.shopify.gateway", False),
    ("from the worker", "celery_worker.tasks.shops", "backend.shops.models", True),
    ("a module of the learning code", "backend.registry.gateway", "models.recommender.api", False),
])  # fmt: skip
def test_what_an_app_keeps_to_itself(case, importer, imported, becomes):
    assert is_private(importer, imported, root="backend", open_apps={"core", "shopify"}) is becomes, case
