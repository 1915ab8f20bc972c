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

from models.recommender.blend import SILENT, Blend, Opinions, Strengths, strengths
from models.recommender.history import UNKNOWN_TIME, History
from models.recommender.newcomers import Extended
from models.recommender.rankers import (
    CONTENT_KNN,
    POPULARITY,
    TABLE_STEPS,
    Ints,
    ItemToItem,
    Model,
    spans,
    top_k,
)

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
    if model.likeness is None:
        return added
    read, weights = model.decay.by_item(history.newest(TABLE_STEPS))
    columns = np.searchsorted(met, read)
    for row, item in enumerate(tops):
        if item >= model.known:
            added[row, columns] += model.likeness[item - model.known, read] * weights
        else:
            new = read >= model.known
            added[row, columns[new]] += model.likeness[read[new] - model.known, item] * weights[new]
    return added


def causes(model: Model, history: History, tops: Ints, said: Opinions | None) -> list[Cause | None]:
    """
    Return for each recommended item what of the history holds it in its place, or None.

    :param said: what the members of a blend said, if the model is one
    """
    met = np.unique(history.items)
    if not len(met) or not len(tops) or model.name == POPULARITY:
        return [None] * len(tops)
    if isinstance(model, Blend) and said is not None:
        return _itself(met, tops, _blended(model, history, met, tops, said))
    scores = model.scores(history)
    added = added_by(model, history, met, tops)
    if added is None:
        return _itself(met, tops, [None] * len(tops))
    loudest = added.argmax(axis=1)
    left = scores[tops] - added[np.arange(len(tops)), loudest]
    held = _held(scores, tops, left, met[loudest], np.full(len(tops), model.name == CONTENT_KNN))
    return _itself(met, tops, held)


def _itself(met: Ints, tops: Ints, found: list[Cause | None]) -> list[Cause | None]:
    """Return the causes, each item that was met before being its own: what is bought again needs no other."""
    is_met = np.isin(tops, met)
    return [
        Cause(int(item), is_likeness=False) if own else cause
        for item, own, cause in zip(tops, is_met, found, strict=True)
    ]


def _blended(model: Blend, history: History, met: Ints, tops: Ints, said: Opinions) -> list[Cause | None]:
    """Return the causes of a blend: the loudest by what the members lose, weighed by their shares."""
    # An item far down the list is no candidate: nothing is said of it.
    rows = np.minimum(np.searchsorted(said.candidates, tops), len(said.candidates) - 1)
    is_candidate = said.candidates[rows] == tops
    features = said.features[rows].copy()
    lost = np.zeros((len(tops), len(met)))
    by_likeness = np.zeros((len(tops), len(met)))
    told: list[tuple[int, Strengths, NDArray[np.float64]]] = []
    for column, (member, scores) in enumerate(zip(model.members, said.scores, strict=True)):
        added = added_by(member, history, met, tops)
        if added is None:
            continue
        scale = strengths(member.name, scores, top_k(scores, LIST))
        left = scores[tops][:, None] - added
        loss = (scale.of(scores[tops])[:, None] - scale.of(left)) * model.shares[column]
        lost += loss
        if member.name == CONTENT_KNN:
            by_likeness = loss
        told.append((column, scale, left))
    loudest = lost.argmax(axis=1)
    each = np.arange(len(tops))
    for column, scale, left in told:
        features[:, 2 * column] = scale.of(left[each, loudest])
    values = model.mixer.values(said.features)
    likeness = by_likeness[each, loudest] > lost[each, loudest] / 2
    held = _held(values, rows, model.mixer.values(features), met[loudest], likeness)
    return [cause if known else None for cause, known in zip(held, is_candidate, strict=True)]


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
