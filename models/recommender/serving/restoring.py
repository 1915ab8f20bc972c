"""Reading the simple models back from what an artifact stores of them. NumPy only."""

from models.recommender.serving.rankers import (
    CONTENT_KNN,
    EASE,
    ITEM_KNN,
    MARKOV,
    PERSONAL_FREQUENCY,
    POPULARITY,
    SESSION_KNN,
    Arrays,
    ItemToItem,
    Model,
    PersonalFrequency,
    Popularity,
    Settings,
)
from models.recommender.serving.sessions import SessionKnn

SIMPLE_MODELS: dict[str, type[Popularity | PersonalFrequency | ItemToItem | SessionKnn]] = {
    POPULARITY: Popularity,
    PERSONAL_FREQUENCY: PersonalFrequency,
    MARKOV: ItemToItem,
    ITEM_KNN: ItemToItem,
    SESSION_KNN: SessionKnn,
    EASE: ItemToItem,
    CONTENT_KNN: ItemToItem,
}


def restore(name: str, arrays: Arrays, settings: Settings) -> Model:
    """
    Return the simple model of this name, which scores as the one that was stored.

    :raises KeyError: if the name, an array or a setting is unknown or missing
    """
    return SIMPLE_MODELS[name].restore(arrays, settings)
