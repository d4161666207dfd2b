"""What training minimises in one session: how badly the codes are ordered, and how badly their quantiles are placed."""

from __future__ import annotations

from typing import NamedTuple

import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor  # noqa: TID253

from tosho.dataset.cross_section import MIN_PAIRS
from tosho.models.atft.network import Output
from tosho.models.atft.settings import QUANTILES, Objective

_TINY = 1e-12  # under a root, so that a constant has a gradient


class Loss(NamedTuple):
    """The loss of a session and its parts, by horizon; NaN for a horizon with too few labels.

    Args:
        total: A scalar, what is minimised.
        correlation: `[horizons]`, the differentiable rank IC (or the Pearson IC).
        quantile: `[horizons]`, the mean pinball loss.
        spread: `[horizons]`, std(score) / std(target), which the watchdog looks at.
    """

    total: Tensor
    correlation: Tensor
    quantile: Tensor
    spread: Tensor


def session_loss(output: Output, target: Tensor, present: Tensor, objective: Objective) -> Loss:
    """Return the loss of one session.

    Args:
        output: Of the network.
        target: `[codes, horizons]`, z-scored returns; NaN where not known, which counts for nothing.
        present: `[codes]`, in the session itself; other codes count for nothing.
        objective: What weighs how much. A horizon with fewer than 20 labels weighs nothing.
    """
    known = torch.isfinite(target) & present.unsqueeze(-1)
    target = torch.where(known, target, 0.0)
    scores, spread = standardised(output.scores, known)
    truth, target_spread = standardised(target, known)
    if objective.order == "rank_ic":
        scores = standardised(soft_ranks(scores, known, objective), known)[0]
        truth = standardised(ranks(target, known), known)[0]
    correlation = (scores * truth).sum(dim=0) / known.sum(dim=0).clamp(min=1)
    quantile = pinball(output.quantiles, target, known)
    by_horizon = 1 - correlation + objective.quantile_weight * quantile + objective.scale_weight * (spread - 1).square()
    enough = known.sum(dim=0) >= MIN_PAIRS
    weights = enough * target.new_tensor(objective.horizon_weights)
    ordered = (by_horizon * weights).sum() / weights.sum().clamp(min=_TINY)
    total = ordered + objective.normalisation_weight * output.normalisation_loss
    ratio = (spread / target_spread).detach()
    return Loss(total, *(part.where(enough, torch.nan) for part in (correlation.detach(), quantile.detach(), ratio)))


def standardised(values: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """Return values with mean 0 and spread 1 within the session, `[codes, horizons]`, and the spread, `[horizons]`.

    Where a value is not known it becomes 0.
    """
    count = known.sum(dim=0).clamp(min=1)
    mean = values.where(known, 0.0).sum(dim=0) / count
    centred = (values - mean).where(known, 0.0)
    spread = (centred.square().sum(dim=0) / count + _TINY).sqrt()
    return centred / spread, spread


def soft_ranks(scores: Tensor, known: Tensor, objective: Objective) -> Tensor:
    """Return each score's rank as a share of the session, smooth in all scores, `[codes, horizons]`.

    A step function of the distance to every other score becomes a sigmoid, and of the other scores evenly spaced ones
    in their order are enough.

    Args:
        scores: `[codes, horizons]`, standardised.
        known: `[codes, horizons]`, which of them count.
        objective: Its `temperature` is the sigmoid's width, its `references` how many scores are compared with.
    """
    ordered = scores.where(known, torch.inf).sort(dim=0).values
    shares = torch.linspace(0, 1, min(objective.references, len(scores)), device=scores.device)
    last = (known.sum(dim=0) - 1).clamp(min=0)
    others = ordered.gather(0, (shares.unsqueeze(-1) * last).round().long())
    return ((scores.unsqueeze(1) - others) / objective.temperature).sigmoid().mean(dim=1)


def ranks(values: Tensor, known: Tensor) -> Tensor:
    """Return ranks from 0 within each column, ties sharing their mean, `[codes, horizons]`; not differentiable."""
    by_horizon = values.where(known, torch.inf).T.contiguous()
    ordered = by_horizon.sort(dim=1).values
    below = torch.searchsorted(ordered, by_horizon)
    up_to = torch.searchsorted(ordered, by_horizon, right=True)
    return ((below + up_to - 1) / 2).T


def pinball(quantiles: Tensor, target: Tensor, known: Tensor) -> Tensor:
    """Return the mean quantile loss of each horizon, `[horizons]`.

    Args:
        quantiles: `[codes, horizons, 5]`.
        target: `[codes, horizons]`.
        known: `[codes, horizons]`, which targets count.
    """
    levels = quantiles.new_tensor(QUANTILES)
    above = target.unsqueeze(-1) - quantiles
    loss = torch.maximum(levels * above, (levels - 1) * above).mean(dim=-1)
    return loss.where(known, 0.0).sum(dim=0) / known.sum(dim=0).clamp(min=1)
