"""Personal frequency: what the customer bought before."""

from models.recommender.learning.simple.popularity import fit_popularity
from models.recommender.log.log import Log
from models.recommender.serving.rankers import Decay, PersonalFrequency


def fit_personal_frequency(
    log: Log, *, half_life: float, half_life_days: float | None, popularity_weight: float, fresh_days: float
) -> PersonalFrequency:
    """Return the model that offers again what the customer bought, newest and most often first."""
    popularity = fit_popularity(log, fresh_days=fresh_days).scores_by_item
    return PersonalFrequency(popularity, Decay(half_life, half_life_days), popularity_weight)
