"""Where the direct path begins: at a ridge on the sessions to learn from, which small steps would have to find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253

from tosho.dataset.cross_section import Bounds, Float64s, counts_to_bounds, rank_correlations
from tosho.models.atft.batches import Batch, Span
from tosho.models.atft.direct import DirectPath
from tosho.models.atft.drawing import drawn
from tosho.models.atft.graph import with_itself
from tosho.models.atft.network import Network
from tosho.models.atft.settings import Schedule, SettingsError

_NO_SPREAD = 1e-9


class _Sums(NamedTuple):
    """All that is kept of the rows: `gram` `[seen, seen]`, `moment` `[seen, horizons]`, and how many there were."""

    gram: Tensor
    moment: Tensor
    rows: int


def begin_at_ridge(network: Network, span: Span, validation: Span | None, schedule: Schedule) -> float | None:
    """Set the direct path's weights to those of a ridge, scaled so that its scores have a spread of 1.

    Each horizon's target is regressed on what the path sees, over all sessions of the span, of each as many codes as a
    step sees; a row with a return that is not known yet is left out. A network without the path is left as it is, and
    so is one whose span has no row, or whose schedule names no penalty.

    Args:
        network: On the device of the span's panel. None of its other weights is read or changed.
        span: Sessions to learn from.
        validation: Sessions whose mean rank IC over all horizons chooses among several penalties.
        schedule: How many codes, and the penalties.

    Returns:
        The penalty that was chosen; None where the path was left as it is.

    Raises:
        SettingsError: Several penalties are to be tried, and no session is there to choose by.
    """
    if network.direct is None or not schedule.direct_penalties:
        return None
    network.eval()
    with torch.no_grad():
        sums = _sums(network, network.direct, span, schedule.codes_per_session)
        if sums is None:
            return None
        lines = [_scaled(_ridge(sums, penalty), sums) for penalty in schedule.direct_penalties]
        best = _best(lines, network, network.direct, validation, schedule)
        _put(network.direct, lines[best])
    return schedule.direct_penalties[best]


def _sums(network: Network, direct: DirectPath, span: Span, codes: int | None) -> _Sums | None:
    found: _Sums | None = None
    for batch in _drawn(network, span, codes):
        known = torch.isfinite(batch.target).all(dim=1)
        seen, target = _seen(network, direct, batch)[known], batch.target[known].double()
        here = _Sums(seen.T @ seen, seen.T @ target, len(seen))
        found = _Sums(*(a + b for a, b in zip(found, here, strict=True))) if found else here
    return found if found and found.rows else None


def _drawn(network: Network, span: Span, codes: int | None) -> Iterator[Batch]:
    for place in span.places:
        yield drawn(span.panel.batch(place, network.shape.window), codes, [place])


def _seen(network: Network, direct: DirectPath, batch: Batch) -> Tensor:
    """Return what the path sees of each code, `[codes, seen]` float64."""
    x = torch.where(batch.present.unsqueeze(-1), batch.x, 0.0)
    table = with_itself(batch.neighbours, batch.edges, batch.present[:, -1])
    left = network.normalised(x, batch.present).residual[:, -1]
    return torch.cat(direct.seen(x[:, -1], left, table), dim=1).double()


def _ridge(sums: _Sums, penalty: float) -> Tensor:
    """Return `[seen, horizons]`; the penalty is for each row, as `linear`'s, so that it means the same of any span."""
    gram = sums.gram / sums.rows
    return torch.linalg.solve(gram + penalty * torch.eye(len(gram)).to(gram), sums.moment / sums.rows)


def _scaled(weights: Tensor, sums: _Sums) -> Tensor:
    """Return the weights with which the span's scores have a spread of 1 per horizon: that is what the loss wants."""
    variance = (weights * (sums.gram @ weights)).sum(dim=0) / sums.rows
    return weights / variance.sqrt().clamp(min=_NO_SPREAD)


def _best(
    lines: list[Tensor], network: Network, direct: DirectPath, validation: Span | None, schedule: Schedule
) -> int:
    """Return the place of the line whose scores have the highest mean rank IC over sessions and horizons.

    Where no session has a rank IC, it is that of the highest penalty: the least that is believed of the training span.
    """
    if len(lines) == 1:
        return 0
    if validation is None:
        raise SettingsError(
            f"{len(lines)} penalties of the direct path's ridge were given, and no validation sessions to choose by. "
            "Give one penalty (direct_penalties), as a final training takes it from its folds."
        )
    scores, returns = [], []
    for batch in _drawn(network, validation, schedule.codes_per_session):
        here = batch.present[:, -1]
        seen = _seen(network, direct, batch)[here]
        scores.append(torch.stack([seen @ line for line in lines]).cpu().numpy())
        returns.append(batch.returns[here].double().cpu().numpy())
    bounds = counts_to_bounds(np.array([len(part) for part in returns]))
    known = np.concatenate(returns)
    found = [_mean_rank_ic(each, known, bounds) for each in np.concatenate(scores, axis=1)]
    return int(np.argmax(found if np.isfinite(found).any() else schedule.direct_penalties))


def _mean_rank_ic(scores: Float64s, returns: Float64s, bounds: Bounds) -> float:
    """Return the mean over sessions and horizons, `[rows, horizons]` each; the worst where no session has enough."""
    daily = np.array([rank_correlations(*pair, bounds) for pair in zip(scores.T, returns.T, strict=True)])
    known = daily[np.isfinite(daily)]
    return float(known.mean()) if known.size else -np.inf


def _put(direct: DirectPath, weights: Tensor) -> None:
    layers = [layer for layer in direct.children() if isinstance(layer, nn.Linear)]
    for layer, part in zip(layers, weights.T.chunk(len(layers), dim=1), strict=True):
        layer.weight.copy_(part)
