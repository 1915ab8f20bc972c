"""
A head start for item vectors: what is bought near each other begins near each other.

Shapes in comments: I items, S sketch columns, D width.
"""

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from models.recommender.log.history import begins_moment
from models.recommender.log.log import Log

STEPS_BACK = 10  # how far apart two purchases still count as near
NEAR_HALF_LIFE = 4.0  # steps over which nearness halves
MOST_PAIRS = 5_000_000  # of purchases: fewer steps back where a log is so long that memory would fill
CONTEXT_POWER = 0.75  # dampens rare contexts: Levy, Goldberg & Dagan 2015, section 3.1
OVERSAMPLED = 16  # sketch columns beyond the width, and
POWER_STEPS = 4  # passes over the matrix: Halko, Martinsson & Tropp 2011, algorithm 4.4


def nearness(log: Log, *, seed: int) -> sparse.csr_matrix:
    """
    Return how often two items were bought near each other by one customer, symmetric, (I, I).

    The order inside a moment carries no meaning and is drawn.
    """
    bought = log.purchases
    moment = np.cumsum(begins_moment(bought.at, bought.user))
    drawn = np.lexsort((np.random.default_rng(seed).random(len(bought)), moment))
    user, item = bought.user[drawn], bought.item[drawn]
    counts = sparse.csr_matrix((log.items, log.items), dtype=np.float32)
    for back in range(1, int(np.clip(MOST_PAIRS // max(len(bought), 1), 1, STEPS_BACK)) + 1):
        is_same = user[back:] == user[:-back]
        left, right = item[:-back][is_same], item[back:][is_same]
        weight = np.full(len(left), 2.0 ** ((1 - back) / NEAR_HALF_LIFE), dtype=np.float32)
        counts += sparse.csr_matrix((weight, (left, right)), shape=counts.shape)
    return (counts + counts.T).tocsr()


def surprise(counts: sparse.csr_matrix) -> sparse.csr_matrix:
    """
    Return the positive pointwise mutual information of nearness, symmetric, an item with itself aside.

    Source: Levy & Goldberg 2014, "Neural word embedding as implicit matrix factorization", equation 9.
    """
    total = np.asarray(counts.sum(axis=1), dtype=np.float64).ravel()
    context = total**CONTEXT_POWER
    pairs = counts.tocoo()
    expected = total[pairs.row] * context[pairs.col] / max(context.sum(), 1e-9)
    gain = np.log(pairs.data / expected)
    is_kept = (gain > 0) & (pairs.row != pairs.col)
    places = (pairs.row[is_kept], pairs.col[is_kept])
    kept = sparse.csr_matrix((gain[is_kept].astype(np.float32), places), shape=counts.shape)
    return ((kept + kept.T) * 0.5).tocsr()


def spectral_vectors(log: Log, *, width: int, seed: int) -> tuple[Tensor, Tensor]:
    """
    Return vectors of length 1 whose products follow the surprise of nearness, (I, D), and who has one.

    Everything dense runs in torch, whose number of threads the recipe sets: with one thread the same
    log and seed give the same bits.
    """
    near = surprise(nearness(log, seed=seed))
    chance = torch.Generator().manual_seed(seed)
    basis = torch.randn(log.items, min(width + OVERSAMPLED, log.items), generator=chance)
    for _ in range(POWER_STEPS):
        basis, _ = torch.linalg.qr(torch.from_numpy(near @ basis.numpy()))
    values, rotation = torch.linalg.eigh(basis.T @ torch.from_numpy(near @ basis.numpy()))
    strongest = values.abs().argsort(descending=True)[:width]
    vectors = basis @ rotation[:, strongest] * values[strongest].abs().sqrt()
    padded = torch.nn.functional.pad(vectors, (0, width - vectors.shape[1]))
    length = padded.norm(dim=1, keepdim=True)
    is_near = torch.from_numpy(np.diff(near.indptr) > 0) & (length[:, 0] > 0)
    return padded / length.clamp_min(1e-12), is_near
