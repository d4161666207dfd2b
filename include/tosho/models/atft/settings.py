"""Every number that decides what ATFT-GAT-FAN is and how it is trained. This module needs no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Size = Literal["auto", "full", "reduced"]
"""How large a network is trained; `auto` is full where there is a GPU, and reduced where there is none."""

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels that the heads predict, rising; the middle one is the median."""


class SettingsError(ValueError):
    """Settings do not fit each other."""


@dataclass(frozen=True)
class Architecture:
    """The network's shape, with a switch for each block. As it comes: 5.6 million weights for 192 features.

    Args:
        window: Sessions that one prediction sees, its own included.
        width: Of every hidden state.
        dropout: Share of a state's values that training hides.
        normalisation: What is taken off the window before the encoder: `fan` its strongest frequencies, `san` each
            slice's mean and scale.
        bins: Frequencies that FAN removes from each feature's window.
        continuation: Sessions ahead for which FAN predicts the removed part.
        normaliser_width: Of the network that predicts it, or the next slice's mean and scale.
        slice_length: Sessions in a slice of SAN; the window is a whole number of slices.
        selection: Weigh the features by what the session shows, or embed them linearly.
        selection_width: Of the network that weighs the features.
        group_width: Of each group's network.
        static: Know a code's sector, segment and size.
        static_sizes: For how many values each of the three has room; 0 is unknown. More than the vocabulary has today,
            so that a bundle outlives what is appended to it.
        recurrence: Read the window with an LSTM.
        attention: Let the last session look back at the whole window.
        graph: Let a code see its neighbours.
        neighbours: How many at most by correlation, where the graph is drawn from samples; a panel of files brings
            its own.
        sector_neighbours: How many more of a code's own sector.
        correlation: Smallest absolute correlation of returns that makes two codes neighbours.
        graph_sessions: Over which returns are correlated, the last of them the first session of a week.
        return_feature: The feature that holds returns over one session, of which these correlations are.
        graph_path: `table` gathers a fixed number of neighbours; `edges` is torch-geometric's own layer. Both have
            the same weights and give the same.
        head_width: Of each horizon's network.
        direct: Let the last session's features, as they came, reach the scores on a straight path beside all of this.
        direct_parts: And so, where graph and normalisation are there, the neighbours' mean and what was not removed.
    """

    window: int = 60
    width: int = 256
    dropout: float = 0.1
    normalisation: Literal["fan", "san", "none"] = "fan"
    bins: int = 3
    continuation: int = 5
    normaliser_width: int = 64
    slice_length: int = 10
    selection: bool = True
    selection_width: int = 128
    group_width: int = 64
    static: bool = True
    static_sizes: tuple[int, int, int] = (40, 16, 10)
    recurrence: bool = True
    recurrent_layers: int = 2
    attention: bool = True
    attention_layers: int = 1
    attention_heads: int = 8
    graph: bool = True
    graph_layers: int = 2
    graph_heads: int = 4
    neighbours: int = 16
    sector_neighbours: int = 8
    correlation: float = 0.3
    graph_sessions: int = 60
    return_feature: str = "ret_1"
    graph_path: Literal["table", "edges"] = "table"
    head_width: int = 128
    direct: bool = True
    direct_parts: bool = True

    def __post_init__(self) -> None:
        if self.width % self.attention_heads or self.width % self.graph_heads:
            raise SettingsError(
                f"The width is {self.width}, with {self.attention_heads} attention heads and {self.graph_heads} graph "
                "heads; heads share the width evenly, so choose one that both divide."
            )
        if not 0 < self.continuation < self.window or not 0 < self.bins <= (self.window - self.continuation) // 2 + 1:
            raise SettingsError(
                f"FAN removes {self.bins} frequencies of a window of {self.window} sessions and continues it for "
                f"{self.continuation}; a span of n sessions has n // 2 + 1 frequencies. Take fewer, or a longer window."
            )
        if self.window % self.slice_length or self.window < 2 * self.slice_length:
            raise SettingsError(
                f"A window of {self.window} sessions is not two or more whole slices of {self.slice_length} sessions. "
                "Choose a slice length that divides it."
            )
        if min(self.recurrent_layers, self.attention_layers, self.graph_layers) < 1:
            raise SettingsError("A block has no layer; switch it off instead of giving it none.")

    @classmethod
    def reduced(cls) -> Architecture:
        """Return a size that two processor cores train in minutes: the same blocks, smaller."""
        return cls(
            window=10,
            width=32,
            bins=2,
            continuation=3,
            normaliser_width=16,
            slice_length=5,
            selection_width=16,
            group_width=8,
            recurrent_layers=1,
            attention_heads=4,
            graph_heads=2,
            head_width=16,
        )

    def ablations(self) -> dict[str, Architecture]:
        """Return the shape without its normalisation, graph, selection and direct path, each, by what is left out.

        The normalisation goes by its own name, FAN or SAN. A block that is off already cannot be left out, and is not
        there.
        """
        less = {
            self.normalisation.upper(): replace(self, normalisation="none"),
            "GAT": replace(self, graph=False),
            "VSN": replace(self, selection=False),
            "DIRECT": replace(self, direct=False),
        }
        return {name: shape for name, shape in less.items() if shape != self}


@dataclass(frozen=True)
class Objective:
    """What is minimised: `1 - rank IC`, quantile loss, and what the normalisation adds, weighted over the horizons.

    Args:
        order: `rank_ic` differentiates through soft ranks; `pearson` takes the correlation of the scores themselves.
        temperature: Distance, in standard deviations of the session's scores, over which a soft rank passes a score.
        references: Scores of the session that a soft rank is counted against.
        horizon_weights: Of 1, 5, 10 and 20 sessions.
        quantile_weight: Of the quantile (pinball) loss.
        normalisation_weight: Of the error with which FAN continues what it removed, or SAN its next slice.
        scale_weight: Of the squared distance of the scores' spread from 1. Rank IC says nothing of it, and without
            it the spread wanders, so that the watchdog has nothing to compare.
    """

    order: Literal["rank_ic", "pearson"] = "rank_ic"
    temperature: float = 0.1
    references: int = 512
    horizon_weights: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0)
    quantile_weight: float = 0.5
    normalisation_weight: float = 0.1
    scale_weight: float = 0.1

    def __post_init__(self) -> None:
        if min(self.horizon_weights) < 0 or sum(self.horizon_weights) <= 0 or self.temperature <= 0:
            raise SettingsError(
                f"Horizon weights {self.horizon_weights} and temperature {self.temperature} were given; no weight may "
                "be negative, one must be positive, and so must the temperature."
            )


@dataclass(frozen=True)
class Watch:
    """When predictions count as collapsed to a constant, and what follows.

    Args:
        warm_up: Checks that are not counted, at the beginning.
        decay: Of the moving average of std(prediction) / std(target).
        floor: The average below which a check fails.
        patience: Failed checks in a row that end the training.
        then: `fail`, or once `restart_heads`, which draws the heads anew, and fail the next time.
    """

    warm_up: int = 20
    decay: float = 0.9
    floor: float = 0.1
    patience: int = 3
    then: Literal["fail", "restart_heads"] = "fail"


@dataclass(frozen=True)
class Schedule:
    """How the weights are found.

    Args:
        seed: Of the first weights, the order of sessions, and dropout.
        epochs: At most.
        sessions_per_epoch: At most, drawn anew in each epoch.
        validation_sessions: At most, evenly spread.
        codes_per_session: At most, drawn anew in each step: a part of them with neighbours of theirs, and in validation
            the same ones each time. None takes every code.
        patience: Epochs without a better rank IC on the validation sessions after which training stops.
        learning_rate: The highest.
        direct_rate: The highest of the direct path; one that begins at zero needs 4e-3 at the reduced size.
        direct_penalties: Of the ridge at which the direct path begins, each for a row of data: those that are tried;
            the best is that of the validation's rank IC. None at all begins at zero.
        warm_up: Share of all steps in which the learning rate rises; then it falls as a cosine.
        clip: Norm to which the gradient is cut.
        ema: Decay of the average of the weights, which is what is kept and scored with.
        check_every: Steps from one look at the predictions' spread to the next.
        checkpoint_every: Steps between checkpoints.
        bf16: Compute in bfloat16 where the device is a GPU.
        compiled: Let torch.compile fuse the network's kernels.
        device: `auto` is a GPU where there is one.
        threads: On a processor; another number sums in another order.
    """

    seed: int = 1
    epochs: int = 30
    sessions_per_epoch: int = 1_000
    validation_sessions: int = 60
    codes_per_session: int | None = None
    patience: int = 6
    learning_rate: float = 5e-4
    direct_rate: float = 5e-4
    direct_penalties: tuple[float, ...] = (1e-3, 1e-2, 1e-1, 1.0, 10.0)
    weight_decay: float = 1e-2
    warm_up: float = 0.05
    clip: float = 1.0
    ema: float = 0.99
    check_every: int = 10
    checkpoint_every: int = 200
    bf16: bool = True
    compiled: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = 2

    def __post_init__(self) -> None:
        least = min(self.epochs, self.sessions_per_epoch, self.validation_sessions, self.patience, self.threads)
        least = min(least, self.check_every, self.checkpoint_every, self.codes_per_session or 1)
        if least < 1 or not 0 <= self.warm_up < 1:
            raise SettingsError(f"A count of {self} is below 1, or its warm-up not a share. Nothing would be trained.")
        if min(self.direct_penalties, default=1.0) <= 0:
            raise SettingsError(
                f"Penalties {self.direct_penalties} were given; each must be positive. Give none to begin at zero."
            )

    @classmethod
    def reduced(cls) -> Schedule:
        """Return a schedule that two processor cores finish in minutes."""
        return cls(
            epochs=6,
            sessions_per_epoch=50,
            validation_sessions=15,
            codes_per_session=1_000,
            patience=3,
            learning_rate=5e-4,
            ema=0.95,
            check_every=5,
        )
