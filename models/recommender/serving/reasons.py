"""
Why an item is recommended, fast enough for every answer. NumPy only.

A reason is stated only if the item would lose its place without the stated cause. Here that is told
from what the sums among the members add up, for the item and for its rivals, leaving all else as it is;
``explain`` asks the whole model again. Shapes in comments: I items, K recommended items, H distinct
items of a history, M members.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.recommender.log.arrays import Floats, Ints
from models.recommender.log.history import UNKNOWN_TIME, History, distinct
from models.recommender.serving.blend import (
    CANDIDATES,
    OF_PLACE,
    SILENT,
    Blend,
    Judgement,
    Opinions,
    Strengths,
    loudness,
)
from models.recommender.serving.features import REPEAT_WIDTH
from models.recommender.serving.rankers import CONTENT_KNN, POPULARITY, Addends, Model, Sum, Told, top_k

HARDLY_HEARD = 0.02  # share of a member that moves no item by itself: what it says is left as it is
# Among so few the items that go up to the places which others lose decide: all recommended ones are put
# to the proof among their rivals, which would take a blend of many candidates too long.
FEW_CANDIDATES = 150
LIST = 10  # recommendations that people look at: what an item that lost its cause falls out of


@dataclass(frozen=True, slots=True)
class Cause:
    """The item of a history that speaks loudest for a recommended one."""

    item: int
    is_likeness: bool  # whether it speaks by what both items say of themselves


def causes(model: Model, history: History, tops: Ints, said: Judgement | Told | None) -> list[Cause | None]:
    """
    Return for each recommended item what of the history holds it in its place, or None.

    What was met before can only be held by itself: a customer who bought it needs no other reason.

    :param said: what a blend made of its members' opinions, or what a sum told; None of another model
    """
    met = distinct(history)[0]
    if not len(met) or not len(tops) or model.name == POPULARITY:
        return [None] * len(tops)
    if isinstance(model, Blend) and isinstance(said, Judgement):
        return _blended(model, said, met, tops)
    if not isinstance(said, tuple):
        is_met = np.isin(tops, met)
        return [Cause(int(item), False) if own else None for item, own in zip(tops, is_met, strict=True)]
    scores, addends = said
    rivals = np.union1d(top_k(scores, CANDIDATES), tops)
    rows = np.searchsorted(rivals, tops)
    added = addends.of(met, rivals)
    loudest = _loudest(added[rows], met, tops)
    is_held = _falls_in_sum(scores[rivals], added, rows, loudest)
    return _stated(met[loudest], np.full(len(tops), model.name == CONTENT_KNN), is_held)


def _falls_in_sum(
    scores: NDArray[np.floating], added: NDArray[np.float64], rows: Ints, columns: Ints
) -> NDArray[np.bool_]:
    """
    Return whether items at rows of a sum lose their places if all lose what an item met adds to them.

    :param columns: of ``added``, one for each row: what is taken away
    """
    suspects, suspect = np.unique(columns, return_inverse=True)
    left = scores - added[:, suspects].T
    before = np.broadcast_to(scores, (len(rows), len(scores)))
    return _lose_places(_places(before, rows), _places(left[suspect], rows))


def _loudest(lost: NDArray[np.floating], met: Ints, tops: Ints) -> Ints:
    """Return the column of what speaks loudest for each recommended item: itself, if it was met before."""
    itself = np.minimum(np.searchsorted(met, tops), len(met) - 1)
    return np.where(met[itself] == tops, itself, lost.argmax(axis=1))


def _stated(items: Ints, is_likeness: NDArray[np.bool_], is_held: NDArray[np.bool_]) -> list[Cause | None]:
    """Return the causes that hold their item in its place."""
    found = zip(items.tolist(), is_likeness.tolist(), is_held.tolist(), strict=True)
    return [Cause(item, likeness) if held else None for item, likeness, held in found]


@dataclass(frozen=True)
class Voice:
    """A member of a blend whose scores are a sum over the history, as the candidates hear it."""

    column: int  # of the features that hold its strengths; the next one holds its places
    share: float
    is_likeness: bool
    said: Strengths
    addends: Addends

    def lost(self, met: Ints, tops: Ints) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Return how much each item's strength falls without each item met, and what is left, (K, H)."""
        left = self.said.of(self.said.scores[tops][:, None] - self.addends.of(met, tops))
        return (self.said(tops)[:, None] - left) * self.share, left

    def rewrite(self, features_SCF: Floats, met: Ints, candidates: Ints) -> None:
        """Write what is left for the candidates without each of S items that were met."""
        left = (self.said.scores[candidates][:, None] - self.addends.of(met, candidates)).T
        order = np.argsort(-left, axis=1, kind="stable")[:, :CANDIDATES]
        features_SCF[:, :, self.column] = loudness(left, order)
        places = np.zeros(left.shape)
        places[np.arange(len(met))[:, None], order] = OF_PLACE[: order.shape[1]]
        features_SCF[:, :, self.column + 1] = places


def _voices(model: Blend, said: Opinions) -> list[Voice]:
    """Return the members whose part in a place can be told."""
    members = zip(model.members, model.shares.tolist(), said.members, strict=True)
    return [
        Voice(2 * place, share, member.name == CONTENT_KNN, told.strengths, told.addends)
        for place, (member, share, told) in enumerate(members)
        if told.addends is not None and share >= HARDLY_HEARD
    ]


def _blended(model: Blend, judged: Judgement, met: Ints, tops: Ints) -> list[Cause | None]:
    """Return the causes of a blend: the loudest by what the members lose, weighed by their shares."""
    said, voices = judged.opinions, _voices(model, judged.opinions)
    # An item far down the list is no candidate: nothing is said of it.
    rows = np.minimum(np.searchsorted(said.candidates, tops), len(said.candidates) - 1)
    is_candidate = said.candidates[rows] == tops
    heard = [voice.lost(met, tops) for voice in voices]
    lost = sum((loss for loss, _ in heard), np.zeros((len(tops), len(met))))
    alike = sum((loss for voice, (loss, _) in zip(voices, heard, strict=True) if voice.is_likeness), 0 * lost)
    loudest, each = _loudest(lost, met, tops), np.arange(len(tops))
    features = said.features[rows]
    for voice, (_, left) in zip(voices, heard, strict=True):
        features[:, voice.column] = left[each, loudest]
    # Without itself, an item is one that the customer never met.
    is_own = met[loudest] == tops
    features[is_own, _own(model)] = 0.0
    if len(said.candidates) <= FEW_CANDIDATES:
        is_held, tried = is_candidate, np.flatnonzero(is_candidate)
    else:
        is_held = is_candidate & _falls(judged.values, rows, model.mixer.values(features))
        tried = np.flatnonzero(is_held & ~is_own)
    if len(tried):
        is_held[tried] = _falls_among_rivals(model, judged, voices, rows[tried], met[loudest[tried]])
    return _stated(met[loudest], alike[each, loudest] > lost[each, loudest] / 2, is_held)


def _own(model: Blend) -> slice:
    """Return the features that say what a customer did with a candidate."""
    first = 2 * len(model.members)
    return slice(first, first + REPEAT_WIDTH)


def _falls(values: NDArray[np.floating], rows: Ints, left: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return whether items at rows of the values would lose their places with what is left of theirs."""
    own = values[rows]
    before = (values > own[:, None]).sum(axis=1)
    after = (values > left[:, None]).sum(axis=1) - (own > left)
    return _lose_places(before, after)


def _falls_among_rivals(
    model: Blend, judged: Judgement, voices: Sequence[Voice], rows: Ints, items: Ints
) -> NDArray[np.bool_]:
    """
    Return whether candidates at some rows lose their places if their rivals lose what they lose.

    :param items: of the history, one for each row: what is taken away
    """
    said = judged.opinions
    suspects, suspect = np.unique(items, return_inverse=True)
    features = np.repeat(said.features[None], len(suspects), axis=0)
    features[said.candidates == suspects[:, None], _own(model)] = 0.0
    for voice in voices:
        voice.rewrite(features, suspects, said.candidates)
    values = model.mixer.values(features.reshape(-1, features.shape[2])).reshape(len(suspects), -1)
    before = np.broadcast_to(judged.values, (len(rows), values.shape[1]))
    return _lose_places(_places(before, rows), _places(values[suspect], rows))


def _places(values: NDArray[np.floating], rows: Ints) -> Ints:
    """Return the place of one candidate in each line of values, from 0; equal ones stand in their order."""
    own = values[np.arange(len(rows)), rows][:, None]
    is_before = (values > own) | ((values == own) & (np.arange(values.shape[1]) < rows[:, None]))
    return np.asarray(is_before.sum(axis=1))


PLACES_LOST = 5


def loses_its_place(before: int, after: int) -> bool:
    """
    Return whether an item that goes from one place to another, from 0, has lost it.

    It falls by five places or more, or out of the ten that people see.
    """
    return bool(_lose_places(np.array(before), np.array(after)))


def _lose_places(before: Ints, after: Ints) -> NDArray[np.bool_]:
    return np.asarray((after - before >= PLACES_LOST) | ((before < LIST) & (after >= LIST)))


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
    met = distinct(history)[0]
    if not len(met):
        return []
    members = model.members if isinstance(model, Blend) else (model,)
    shares = model.shares if isinstance(model, Blend) else np.ones(1, dtype=np.float32)
    loud, alike = np.zeros(len(met)), np.zeros(len(met))
    for member, share in zip(members, shares, strict=True):
        if not isinstance(member, Sum):
            continue
        spoken = np.maximum(member.told(history)[1].of(met, np.array([item]))[0], 0.0)
        part = spoken * (float(share) / max(float(spoken.sum()), SILENT))
        loud += part
        if member.name == CONTENT_KNN:
            alike = part
    loud[met == item] = np.inf
    loud[np.isin(met, history.newest(newest).items)] += SILENT
    return [
        Cause(int(met[place]), is_likeness=bool(alike[place] > loud[place] / 2))
        for place in np.argsort(-loud, kind="stable")
        if loud[place] > 0
    ]
