import json

from models.recommender.api import Progress, Report
from models.recommender.runs.card import render


def test_a_training_has_a_card_with_its_figures_for_whom_and_what_it_shows(
    trained: tuple[Report, list[Progress]],
) -> None:
    report, _ = trained

    card = report.card

    heads = [line.removeprefix("## ") for line in card.splitlines() if line.startswith("## ")]
    assert heads == ["Data", "Intended use", "Figures", "Surfaces", "For whom", "What it shows", "Limits"]
    assert report.summary in card
    served = next(row for row in report.metrics if row.is_served)
    assert f"| **{served.label}** | {served.ndcg_at_10:.4f} (" in card
    assert report.popularity_bias is not None
    assert f"better than {report.popularity_bias.shown:.1%} of the products" in card


def test_a_version_from_before_these_figures_has_a_card_without_them(
    trained: tuple[Report, list[Progress]],
) -> None:
    facts = json.loads(trained[0].manifest.read_text(encoding="utf-8"))
    for newer in ("slices", "popularity_bias", "card"):
        facts.pop(newer, None)

    card = render(facts)

    assert "## Figures" in card
    assert "## For whom" not in card
    assert "popularity bias" not in card


def test_what_serves_each_surface_stands_in_its_own_words(trained: tuple[Report, list[Progress]]) -> None:
    facts = json.loads(trained[0].manifest.read_text(encoding="utf-8"))
    surfaces = [{"words": "In the cart: what is bought together."}, {"words": ""}]

    card = render({**facts, "surfaces": surfaces})

    assert "## Surfaces\n\n- In the cart: what is bought together.\n\n## " in card
