"""
Why an item is recommended, fast enough for every answer. NumPy only.

A reason is stated only if the item would lose its place without the stated cause. Here that is told
from what the tables of the members add up, leaving all else as it is, which errs on the side of
silence; ``explain`` asks the whole model again. Shapes in comments: I items, K recommended items,
H distinct items of a history, M members.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recommender.blend import CANDIDATES, PLACES, SILENT, Blend, Opinions, Strengths, strengths
from models.recommender.history import UNKNOWN_TIME, History
from models.recommender.newcomers import Extended
from models.recommender.rankers import (
    CONTENT_KNN,
    POPULARITY,
    TABLE_STEPS,
    Floats,
    Ints,
    ItemToItem,
    Model,
    PersonalFrequency,
    spans,
)
from models.recommender.signals import REPEAT_WIDTH

LIST = 10  # recommendations that people look at: what an item that lost its cause falls out of


@dataclass(frozen=True, slots=True)
class Cause:
    """The item of a history that speaks loudest for a recommended one."""

    item: int
    is_likeness: bool  # whether it speaks by what both items say of themselves


def added_by(model: Model, history: History, met: Ints, tops: Ints) -> NDArray[np.float64] | None:
    """
    Return what each item met adds to the scores of ``tops``, exactly, (K, H).

    None for a model whose scores are no sum over the history.
    """
    table_model = model.model if isinstance(model, Extended) else model
    if isinstance(table_model, PersonalFrequency):
        items, weights = table_model.decay.by_item(history)
        own = np.zeros(len(met))
        own[np.searchsorted(met, items)] = weights
        return np.where(tops[:, None] == met[None, :], own[None, :], 0.0)
    if not isinstance(table_model, ItemToItem):
        return None
    known = table_model.table.rows
    newest = history.newest(TABLE_STEPS)
    read, weights = table_model.decay.by_item(newest.where(newest.items < known))
    place = np.full(known, -1, dtype=np.int64)
    place[tops[tops < known]] = np.flatnonzero(tops < known)
    entries, lengths = spans(table_model.table.starts[read], table_model.table.starts[read + 1])
    column = np.repeat(np.searchsorted(met, read), lengths)
    row = place[table_model.table.items[entries]]
    kept = row >= 0
    strength = table_model.table.values[entries][kept] * np.repeat(weights, lengths)[kept]
    cells = row[kept] * len(met) + column[kept]
    added = np.zeros((len(tops), len(met)))
    np.add.at(added.reshape(-1), cells, strength)
    if isinstance(model, Extended) and model.likeness is not None:
        added += _likeness(model, history, met, tops)
    return added


def _likeness(model: Extended, history: History, met: Ints, tops: Ints) -> NDArray[np.float64]:
    """Return what likeness to newcomers, or of newcomers, adds, (K, H)."""
    added = np.zeros((len(tops), len(met)))
    read, weights = model.decay.by_item(history.newest(TABLE_STEPS))
    for column, item, weight in zip(np.searchsorted(met, read), read, weights, strict=True):
        added[:, column] = model.likeness_of(int(item), tops) * weight
    return added


def causes(model: Model, history: History, tops: Ints, said: Opinions | None) -> list[Cause | None]:
    """
    Return for each recommended item what of the history holds it in its place, or None.

    What was met before can only be held by itself: a customer who bought it needs no other reason.

    :param said: what the members of a blend said, if the model is one
    """
    met = np.unique(history.items)
    if not len(met) or not len(tops) or model.name == POPULARITY:
        return [None] * len(tops)
    if isinstance(model, Blend) and said is not None:
        return _blended(model, history, met, tops, said)
    scores = model.scores(history)
    added = added_by(model, history, met, tops)
    if added is None:
        is_met = np.isin(tops, met)
        return [Cause(int(item), False) if own else None for item, own in zip(tops, is_met, strict=True)]
    loudest = _loudest(added, met, tops)
    left = scores[tops] - added[np.arange(len(tops)), loudest]
    return _held(scores, tops, left, met[loudest], np.full(len(tops), model.name == CONTENT_KNN))


def _loudest(lost: NDArray[np.float64], met: Ints, tops: Ints) -> Ints:
    """Return the column of what speaks loudest for each recommended item: itself, if it was met before."""
    itself = np.minimum(np.searchsorted(met, tops), len(met) - 1)
    return np.where(met[itself] == tops, itself, lost.argmax(axis=1))


def _blended(model: Blend, history: History, met: Ints, tops: Ints, said: Opinions) -> list[Cause | None]:
    """Return the causes of a blend: the loudest by what the members lose, weighed by their shares."""
    # An item far down the list is no candidate: nothing is said of it.
    rows = np.minimum(np.searchsorted(said.candidates, tops), len(said.candidates) - 1)
    is_candidate = said.candidates[rows] == tops
    lost, by_likeness = np.zeros((len(tops), len(met))), np.zeros((len(tops), len(met)))
    told: list[tuple[int, Strengths, NDArray[np.float64]]] = []
    for column, (member, scale) in enumerate(zip(model.members, said.strengths, strict=True)):
        added = added_by(member, history, met, tops)
        if added is None:
            continue
        left = scale.scores[tops][:, None] - added
        loss = (scale(tops)[:, None] - scale.of(left)) * model.shares[column]
        lost += loss
        if member.name == CONTENT_KNN:
            by_likeness = loss
        told.append((column, scale, left))
    loudest, each = _loudest(lost, met, tops), np.arange(len(tops))
    features = said.features[rows].copy()
    for column, scale, left in told:
        features[:, 2 * column] = scale.of(left[each, loudest])
    # Without itself, an item is one that the customer never met.
    is_own = met[loudest] == tops
    features[is_own, _own(model)] = 0.0
    values = model.mixer.values(said.features)
    likeness = by_likeness[each, loudest] > lost[each, loudest] / 2
    held = _held(values, rows, model.mixer.values(features), met[loudest], likeness)
    tried = [None if own else cause for own, cause in zip(is_own, held, strict=True)]
    sure = is_own | _is_held_among_rivals(model, history, said, values, rows, tried)
    return [
        cause if known and certain else None
        for cause, known, certain in zip(held, is_candidate, sure, strict=True)
    ]


def _own(model: Blend) -> slice:
    """Return the features that say what a customer did with a candidate."""
    first = 2 * len(model.members)
    return slice(first, first + REPEAT_WIDTH)


def _is_held_among_rivals(
    model: Blend,
    history: History,
    said: Opinions,
    values: Floats,
    rows: Ints,
    tried: list[Cause | None],
) -> NDArray[np.bool_]:
    """Return whether items at rows of the candidates lose their places if rivals lose the cause too."""
    is_held = np.zeros(len(rows), dtype=bool)
    suspected = {cause.item for cause in tried if cause is not None}
    if not suspected:
        return is_held
    before, voices = _places(values), [_voice(member, history) for member in model.members]
    for item in suspected:
        after = _places(model.mixer.values(_features_without(model, voices, said, item)))
        for place, cause in enumerate(tried):
            if cause is not None and cause.item == item:
                is_held[place] = loses_its_place(int(before[rows[place]]), int(after[rows[place]]))
    return is_held


def _places(values: NDArray[np.floating]) -> Ints:
    """Return the place of each value, from 0."""
    places = np.empty(len(values), dtype=np.int64)
    places[np.argsort(-values, kind="stable")] = np.arange(len(values))
    return places


@dataclass(frozen=True)
class Voice:
    """A member whose scores are a sum over the history, and how much each of its items counts there."""

    model: Model  # a table or personal frequency, extended or not
    weights: dict[int, float]

    def of(self, item: int, candidates: Ints) -> NDArray[np.float64]:
        """Return what an item of the history adds to the candidates' scores, (C,)."""
        weight, added = self.weights.get(item, 0.0), np.zeros(len(candidates))
        extended = self.model if isinstance(self.model, Extended) else None
        table = extended.model if extended is not None else self.model
        if isinstance(table, PersonalFrequency):
            added[candidates == item] = 1.0
        if isinstance(table, ItemToItem) and item < table.table.rows:
            items, values = table.table.row(item)
            at = np.minimum(np.searchsorted(candidates, items), len(candidates) - 1)
            is_there = candidates[at] == items
            added[at[is_there]] = values[is_there]
        if extended is not None and extended.likeness is not None:
            added += extended.likeness_of(item, candidates)
        return added * weight


def _voice(member: Model, history: History) -> Voice | None:
    """Return how a member hears the items of a history, None for one that is no sum over it."""
    model = member.model if isinstance(member, Extended) else member
    if not isinstance(model, ItemToItem | PersonalFrequency):
        return None
    read = history.newest(TABLE_STEPS) if isinstance(model, ItemToItem) else history
    items, weights = model.decay.by_item(read)
    return Voice(member, dict(zip(items.tolist(), weights.tolist(), strict=True)))


def _features_without(model: Blend, voices: list[Voice | None], said: Opinions, item: int) -> Floats:
    """Return the candidates' features, (C, F), as if the members that add up had not met an item."""
    features = said.features.copy()
    features[said.candidates == item, _own(model)] = 0.0
    for column, (member, voice, scale) in enumerate(zip(model.members, voices, said.strengths, strict=True)):
        if voice is None or item not in voice.weights:
            continue
        left = scale.scores[said.candidates] - voice.of(item, said.candidates)
        order = np.argsort(-left, kind="stable")[:CANDIDATES]
        features[:, 2 * column] = strengths(member.name, left, order).of(left)
        features[:, 2 * column + 1] = 0.0
        features[order, 2 * column + 1] = PLACES / (PLACES + np.arange(len(order)))
    return features


def _held(
    values: NDArray[np.floating],
    rows: Ints,
    left: NDArray[np.floating],
    loudest: Ints,
    is_likeness: NDArray[np.bool_],
) -> list[Cause | None]:
    """Return each cause without which its item, at a row of ``values``, would lose its place."""
    found: list[Cause | None] = []
    for row, value, item, likeness in zip(rows, left, loudest, is_likeness, strict=True):
        place = int((values > values[row]).sum())
        place_left = int((values > value).sum()) - int(values[row] > value)
        is_held = loses_its_place(place, place_left)
        found.append(Cause(int(item), bool(likeness)) if is_held else None)
    return found


FEWEST_PLACES = 5


def loses_its_place(before: int, after: int) -> bool:
    """
    Return whether an item that goes from one place to another, from 0, has lost it.

    It falls by five places or more, or out of the ten that people see.
    """
    return after - before >= FEWEST_PLACES or before < LIST <= after


def met_before(history: History, item: int) -> tuple[int, int | None]:
    """Return how often an item of a history was bought, and the moment of its last step if known."""
    steps = history.where(history.items == item)
    last_at = int(steps.at[-1])
    return len(steps.purchases), None if last_at == UNKNOWN_TIME else last_at


def suspects(model: Model, history: History, item: int, *, newest: int) -> list[Cause]:
    """
    Return what of a history may hold an item in its place, the most suspect first.

    That is the item itself, what the tables of the members let speak for it, and the newest steps.
    """
    met, tops = np.unique(history.items), np.array([item])
    if not len(met):
        return []
    members = model.members if isinstance(model, Blend) else (model,)
    shares = model.shares if isinstance(model, Blend) else np.ones(1, dtype=np.float32)
    loud, alike = np.zeros(len(met)), np.zeros(len(met))
    for member, share in zip(members, shares, strict=True):
        added = added_by(member, history, met, tops)
        if added is None:
            continue
        part = added[0] * (float(share) / max(float(added.sum()), SILENT))
        loud += part
        if member.name == CONTENT_KNN:
            alike = part
    loud[met == item] = np.inf
    loud[np.isin(met, history.items[-newest:])] += SILENT
    return [
        Cause(int(met[place]), is_likeness=bool(alike[place] > loud[place] / 2))
        for place in np.argsort(-loud, kind="stable")
        if loud[place] > 0
    ]
