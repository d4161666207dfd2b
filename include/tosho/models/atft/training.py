"""How the network's weights are found: one step a session, an average of the weights, and a stop in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch  # noqa: TID253 - models/atft is torch's door
from torch import Tensor, nn  # noqa: TID253
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn  # noqa: TID253

from tosho.dataset.cross_section import Float64s, counts_to_bounds, rank_correlations
from tosho.models.atft import checkpoint
from tosho.models.atft.batches import Batch, Span
from tosho.models.atft.drawing import drawn
from tosho.models.atft.loss import session_loss
from tosho.models.atft.network import Network, Output
from tosho.models.atft.settings import Objective, Schedule, Watch
from tosho.models.atft.watchdog import Watchdog

Told = Callable[[str], None]


class NotFiniteError(ValueError):
    """A loss or a gradient is NaN or infinite."""


class NoLabelsError(ValueError):
    """Sessions that are to be learnt from, or stopped by, have no labels."""


class DeviceError(ValueError):
    """The device that was asked for is not there."""


class Found(NamedTuple):
    """What training ended with: epochs taken, and the rank IC on validation (NaN without one).

    The network given to `train` then holds the averaged weights.
    """

    epochs: int
    rank_ic: float


def train(  # noqa: PLR0913 - settings of one training, and where it is kept
    network: Network,
    span: Span,
    validation: Span | None,
    settings: tuple[Objective, Schedule, Watch],
    told: Told,
    kept: Path | None = None,
) -> Found:
    """Train a network in place.

    Args:
        network: Its weights are drawn by the caller.
        span: Sessions to learn from.
        validation: Sessions whose mean daily rank IC stops it; None trains all epochs of the schedule.
        settings: What is minimised, how, and when it counts as collapsed.
        told: Told a sentence after each epoch.
        kept: A file for checkpoints. With one of a training that was killed it goes on from there, so it must be of
            this training and no other. None keeps nothing.

    Raises:
        NoLabelsError: There is nothing to learn from.
        NotFiniteError: A loss or gradient is NaN or infinite.
        CollapsedError: The watchdog found that the scores have become a constant.
    """
    schedule = settings[1]
    device = device_of(schedule)
    cuda = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=cuda), threads(schedule.threads):
        torch.manual_seed(schedule.seed)
        run = _Run(network.to(device), span, validation, settings, kept)
        return run.to_the_end(told)


class _Run:
    """One training: what a checkpoint holds is its state."""

    def __init__(
        self,
        network: Network,
        span: Span,
        validation: Span | None,
        settings: tuple[Objective, Schedule, Watch],
        kept: Path | None,
    ) -> None:
        self.objective, self.schedule, watch = settings
        self.network, self.span, self.validation, self.kept = network, span, validation, kept
        self.device = next(network.parameters()).device
        self.steps = min(len(span.places), self.schedule.sessions_per_epoch)
        self.average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(self.schedule.ema))
        self.optimiser = torch.optim.AdamW(_groups(network, self.schedule), lr=self.schedule.learning_rate)
        self.rate = torch.optim.lr_scheduler.LambdaLR(self.optimiser, self._share_of_rate)
        self.watchdog = Watchdog(watch)
        self.forward = torch.compile(network) if self.schedule.compiled else network
        self.step = 0
        self.best, self.best_epoch, self.best_weights = -math.inf, 0, _copied(network)
        if not self.steps:
            raise NoLabelsError("There is no session with labels to learn from. Label the sessions first.")

    def to_the_end(self, told: Told) -> Found:
        self._resume()
        while self.step < self.steps * self.schedule.epochs and not self._patience_is_over():
            self._learn(int(self._order(self.step // self.steps)[self.step % self.steps]))
            self.step += 1
            if self.step % self.steps == 0:
                told(self._close_epoch())
            if self.kept and (self.step % self.schedule.checkpoint_every == 0 or self.step % self.steps == 0):
                checkpoint.save(self.kept, self._state())
        self.network.load_state_dict(self.best_weights)
        return Found(self.best_epoch, self.best if self.validation else math.nan)

    def _learn(self, place: int) -> None:
        self.network.train()
        whole = self.span.panel.batch(place, self.network.shape.window)
        batch = drawn(whole, self.schedule.codes_per_session, [self.schedule.seed, self.step])
        with _half(self.device, self.schedule.bf16):
            output = apply(self.forward, batch)
        loss = session_loss(output, batch.target, batch.present[:, -1], self.objective)
        self.optimiser.zero_grad(set_to_none=True)
        loss.total.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), self.schedule.clip)
        self._demand_finite(loss.total, norm, place)
        self.optimiser.step()
        self.rate.step()
        self.average.update_parameters(self.network)
        if self.step % self.schedule.check_every == 0 and self.watchdog.check(loss.spread.tolist(), self.step):
            self.network.heads.restart()
            for weights in self.network.heads.parameters():
                self.optimiser.state.pop(weights, None)
            self.average.module.load_state_dict(self.network.state_dict())

    def _demand_finite(self, total: Tensor, norm: Tensor, place: int) -> None:
        if not bool(torch.isfinite(norm)):
            broken = [name for name, w in self.network.named_parameters() if w.grad is not None and not _finite(w.grad)]
            raise NotFiniteError(
                f"At step {self.step}, session {place} of the panel, the loss is {float(total.detach()):g} and the "
                f"gradient of {len(broken)} tensors is not finite, first {broken[:1]}; the bound is none. Look for "
                "features that are not normalised, or lower the learning rate."
            )

    def _close_epoch(self) -> str:
        epoch = self.step // self.steps
        if self.validation is None:
            self.best_epoch, self.best_weights = epoch, _copied(self.average.module)
            return f"epoch {epoch} of {self.schedule.epochs}"
        found = mean_rank_ic(self.average.module, self.validation, self.schedule.codes_per_session)
        if math.isnan(found):
            raise NoLabelsError(
                f"None of the {len(self.validation.places)} validation sessions has 20 labels of any horizon; training "
                "could not be stopped. Label the sessions first."
            )
        if found > self.best:
            self.best, self.best_epoch, self.best_weights = found, epoch, _copied(self.average.module)
        return f"epoch {epoch}: rank IC {found:.4f}, best {self.best:.4f} in epoch {self.best_epoch}"

    def _patience_is_over(self) -> bool:
        return self.validation is not None and self.step // self.steps - self.best_epoch >= self.schedule.patience

    def _order(self, epoch: int) -> np.ndarray[Any, np.dtype[np.int64]]:
        drawn = np.random.default_rng([self.schedule.seed, epoch])
        return drawn.permutation(np.asarray(self.span.places, dtype=np.int64))

    def _share_of_rate(self, step: int) -> float:
        total = self.steps * self.schedule.epochs
        rising = max(1, round(total * self.schedule.warm_up))
        if step < rising:
            return (step + 1) / rising
        return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, total - rising)))

    def _state(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "rate": self.rate.state_dict(),
            "watchdog": self.watchdog.state(),
            "best": (self.best, self.best_epoch, self.best_weights),
            "draws": checkpoint.draws(self.device),
        }

    def _resume(self) -> None:
        state = checkpoint.load(self.kept) if self.kept else None
        if state is None:
            return
        self.step = state["step"]
        for name in ("network", "average", "optimiser", "rate"):
            getattr(self, name).load_state_dict(state[name])
        self.watchdog.restore(state["watchdog"])
        self.best, self.best_epoch, self.best_weights = state["best"]
        checkpoint.draw_on(state["draws"], self.device)


def apply(network: Callable[..., Any], batch: Batch) -> Output:
    """Return what the network says of a session."""
    found: Output = network(batch.x, batch.present, batch.static, batch.neighbours, batch.edges)
    return found


def score(network: Network, span: Span, codes: int | None = None) -> Iterator[tuple[Batch, Output]]:
    """Yield each session with what the network says of it, in float32 throughout, on every device.

    Args:
        network: As it is.
        span: Sessions.
        codes: At most so many of each, always the same; None takes all.
    """
    network.eval()
    with torch.no_grad(), _exact():
        for place in span.places:
            batch = drawn(span.panel.batch(place, network.shape.window), codes, [place])
            yield batch, apply(network, batch)


def mean_rank_ic(network: Network, span: Span, codes: int | None = None) -> float:
    """Return the mean over horizons of the mean daily rank IC; NaN where no session has 20 labels of a horizon."""
    scores, returns = [], []
    for batch, output in score(network, span, codes):
        present = batch.present[:, -1]
        scores.append(output.scores[present].double().cpu().numpy())
        returns.append(batch.returns[present].double().cpu().numpy())
    bounds = counts_to_bounds(np.array([len(part) for part in scores]))
    both = np.concatenate(scores), np.concatenate(returns)
    means = [_mean(rank_correlations(both[0][:, i], both[1][:, i], bounds)) for i in range(both[0].shape[1])]
    return _mean(np.array(means))


def device_of(schedule: Schedule) -> torch.device:
    """Return the device to compute on.

    Raises:
        DeviceError: A GPU was asked for and there is none.
    """
    there = torch.cuda.is_available()
    if schedule.device == "cuda" and not there:
        raise DeviceError("A GPU was asked for (device cuda) and torch sees none. Ask for auto or cpu, or give it one.")
    return torch.device("cuda" if there and schedule.device != "cpu" else "cpu")


@contextmanager
def threads(number: int) -> Iterator[None]:
    """Compute with so many threads on the processor, and leave things as they were."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def _exact() -> Iterator[None]:
    """Keep a GPU from rounding float32 to TF32: a bundle's golden scores must come back on any machine."""
    backends = (torch.backends.cudnn, torch.backends.cuda.matmul)
    before = [backend.allow_tf32 for backend in backends]
    for backend in backends:
        backend.allow_tf32 = False
    try:
        yield
    finally:
        for backend, was in zip(backends, before, strict=True):
            backend.allow_tf32 = was


def _half(device: torch.device, wanted: bool) -> torch.autocast:  # noqa: FBT001 - one switch of the schedule
    return torch.autocast(device.type, torch.bfloat16, enabled=wanted and device.type == "cuda")


def _groups(network: Network, schedule: Schedule) -> list[dict[str, Any]]:
    """Return the optimiser's groups: matrices decay, offsets and scales do not; the direct path has its own rate."""
    direct = list(network.direct.parameters()) if network.direct else []
    apart = set(map(id, direct))
    deep = [w for w in network.parameters() if w.requires_grad and id(w) not in apart]
    return [
        {"params": [w for w in deep if w.ndim > 1], "weight_decay": schedule.weight_decay},
        {"params": [w for w in deep if w.ndim <= 1], "weight_decay": 0.0},
        {"params": direct, "weight_decay": schedule.weight_decay, "lr": schedule.direct_rate},
    ]


def _copied(network: nn.Module) -> dict[str, Tensor]:
    return {name: values.detach().clone() for name, values in network.state_dict().items()}


def _finite(values: Tensor) -> bool:
    return bool(torch.isfinite(values).all())


def _mean(values: Float64s) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else math.nan
