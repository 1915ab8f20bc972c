"""
Training losses. Shape suffixes as in ``models.recommender.network``, plus N shared negatives.

Both losses are the cross-entropy of a row's targets, each with weight one over their number,
against every item: exactly, or with the sum over items estimated from a sample.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.recommender.network import Recommender


@dataclass(frozen=True)
class RowTensors:
    """The rectangles of ``batches.Rows`` as tensors, and the popularity period of each row."""

    own: Tensor  # (R, O)
    features: Tensor  # (R, O, F)
    is_history: Tensor  # (R, O)
    is_target: Tensor  # (R, O)
    is_real: Tensor  # (R, O)
    period: Tensor  # (R,)


def full_cross_entropy(model: Recommender, readout: Tensor, rows: RowTensors, trends_MIP: Tensor) -> Tensor:
    """
    Return the mean cross-entropy of each row's targets against all items, nats per row.

    Source: "Turning Dross Into Gold Loss", Klenitskiy & Vasilev 2023, equation 3, with the targets
    of a whole basket in place of one next item.
    """
    query_RV, repeat_RF = model.split(readout)
    width = model.shape.width
    logits_RI = query_RV[:, :width] @ model.items.weight.T + model.bias
    logits_RI = logits_RI + torch.einsum("rp,rip->ri", query_RV[:, width:], trends_MIP[rows.period])
    logits_RI = logits_RI.scatter_add(1, rows.own, _repeat_bonus(model, repeat_RF, rows))
    hits_RO = logits_RI.gather(1, rows.own)
    return (logits_RI.logsumexp(1) - _mean_of_targets(hits_RO, rows)).mean()


def sampled_cross_entropy(
    model: Recommender,
    readout: Tensor,
    rows: RowTensors,
    trends_MIP: Tensor,
    negatives_N: Tensor,
    log_expected_N: Tensor,
) -> Tensor:
    """
    Return the cross-entropy with the sum over items split in two: own items exactly, others sampled.

    Targets and history take part exactly, as they are the likeliest; the rest is estimated from
    negatives shared by the batch, each divided by how often it was expected in the sample.

    :param negatives_N: items drawn with replacement
    :param log_expected_N: log of each drawn item's expected number in the sample

    Source: Bengio & Senecal 2008, "Adaptive importance sampling", section III; the correction is
    the logQ of Yi et al. 2019, "Sampling-bias-corrected neural modeling", equation 3.
    """
    query_RV, repeat_RF = model.split(readout)
    width = model.shape.width
    trend_RP = query_RV[:, width:]
    own_ROD = model.items(rows.own)
    own_RO = torch.einsum("rd,rod->ro", query_RV[:, :width], own_ROD) + model.bias[rows.own]
    own_RO = own_RO + torch.einsum("rp,rop->ro", trend_RP, trends_MIP[rows.period[:, None], rows.own])
    own_RO = own_RO + _repeat_bonus(model, repeat_RF, rows)
    rivals_RN = query_RV[:, :width] @ model.items(negatives_N).T + model.bias[negatives_N]
    trends_RNP = trends_MIP[rows.period[:, None], negatives_N[None, :]]
    rivals_RN = rivals_RN + torch.einsum("rp,rnp->rn", trend_RP, trends_RNP) - log_expected_N
    rivals_RN = rivals_RN.masked_fill(_is_own(rows, negatives_N, model.shape.items), -torch.inf)
    everything = torch.cat([own_RO.masked_fill(~rows.is_real, -torch.inf), rivals_RN], dim=1)
    return (everything.logsumexp(1) - _mean_of_targets(own_RO, rows)).mean()


def _repeat_bonus(model: Recommender, repeat_RF: Tensor, rows: RowTensors) -> Tensor:
    """Return what the copy head adds to each own item, 0 for items that are not in the history."""
    bonus_RO = torch.einsum("rf,rof->ro", repeat_RF, rows.features) + model.again[rows.own]
    return bonus_RO * rows.is_history


def _mean_of_targets(scores_RO: Tensor, rows: RowTensors) -> Tensor:
    weight_RO = rows.is_target / rows.is_target.sum(1, keepdim=True)
    return (scores_RO * weight_RO).sum(1)


def _is_own(rows: RowTensors, negatives_N: Tensor, items: int) -> Tensor:
    """Return whether each negative is among a row's own items, (R, N)."""
    is_own_RI = torch.zeros(len(rows.own), items, dtype=torch.int8, device=negatives_N.device)
    is_own_RI.scatter_add_(1, rows.own, rows.is_real.to(torch.int8))
    return is_own_RI[:, negatives_N] > 0
