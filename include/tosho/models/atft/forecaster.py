"""ATFT-GAT-FAN behind the interface of all models: fitted on samples, scored on samples, kept as plain arrays."""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
import torch  # noqa: TID253 - models/atft is torch's door

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s
from tosho.dataset.samples import Columns, Samples
from tosho.dataset.vocabulary import SIZES, STATIC
from tosho.models.atft import training
from tosho.models.atft.batches import Span
from tosho.models.atft.beginning import begin_at_ridge
from tosho.models.atft.groups import groups_of
from tosho.models.atft.network import Network
from tosho.models.atft.normalising import Scaler
from tosho.models.atft.sampled import SampledPanel, context_of
from tosho.models.atft.selection import Groups
from tosho.models.atft.settings import Architecture, Objective, Schedule, SettingsError, Size, Watch
from tosho.models.base import Fitted, Forecaster, NotFittableError, Progress

KIND = "atft"
SETTINGS, WEIGHTS = "network.json", "network.npz"
_BEFORE = {"direct": False, "direct_parts": False}
"""What the settings of bundles from before a block was there do not tell of it."""
_KEPT = (
    "normalisation",
    "selection",
    "static",
    "recurrence",
    "attention",
    "graph",
    "direct",
    "direct_parts",
    "return_feature",
)
"""What a brief learner has of its shape: which blocks there are."""
_WATCHED = 10  # validation sessions at least, if need be with windows that begin before the first of them


@dataclass(frozen=True)
class ATFT:
    """How the network is fitted: its shape, what is minimised, how, and when it counts as collapsed.

    Args:
        folder: Where checkpoints are kept, so that a training that was killed goes on; None keeps none.
    """

    shape: Architecture = field(default_factory=Architecture)
    objective: Objective = field(default_factory=Objective)
    schedule: Schedule = field(default_factory=Schedule)
    watch: Watch = field(default_factory=Watch)
    folder: Path | None = None

    @classmethod
    def reduced(cls) -> ATFT:
        """Return a size and schedule for two processor cores."""
        return cls(Architecture.reduced(), schedule=Schedule.reduced(), watch=Watch(warm_up=8))

    @classmethod
    def sized(cls, size: Size = "auto") -> ATFT:
        """Return the network of a size: `full`, `reduced`, or by `auto` what the machine has time for.

        A GPU trains the full size; processors would take days.
        """
        if size == "full" or (size == "auto" and torch.cuda.is_available()):
            return cls()
        return cls.reduced()

    @property
    def kind(self) -> str:
        """The name of the models that it fits."""
        return KIND

    @property
    def parts(self) -> int:
        """How often one fit tells its progress: once an epoch, at most."""
        return self.schedule.epochs

    def brief(self) -> ATFT:
        """Return the same learner with little effort: a small network with the same blocks, a few epochs."""
        small = replace(Architecture.reduced(), **{name: getattr(self.shape, name) for name in _KEPT})
        quick = Schedule.reduced()
        few = min(4, self.schedule.epochs), min(100, self.schedule.sessions_per_epoch)
        same = ("seed", "device", "threads", "direct_rate", "direct_penalties")
        own = {name: getattr(self.schedule, name) for name in same}
        schedule = replace(quick, epochs=few[0], sessions_per_epoch=few[1], **own)
        return replace(self, shape=small, schedule=schedule)

    def ablations(self) -> dict[str, ATFT]:
        """Return the same learner without one of its blocks each, by what is left out."""
        return {name: replace(self, shape=shape) for name, shape in self.shape.ablations().items()}

    def kept_in(self, folder: Path) -> ATFT:
        """Return the same learner with its checkpoints in a folder."""
        return replace(self, folder=folder)

    def settings(self) -> dict[str, object]:
        """Return every setting, by name; where checkpoints lie is none."""
        parts = ("shape", "objective", "schedule", "watch")
        whole = asdict(self)
        return {f"{part}_{name}": value for part in parts for name, value in whole[part].items()}

    def fit(self, train: Samples, validation: Samples, progress: Progress) -> NetworkForecaster:
        """Return a network whose training stopped where the mean daily rank IC of the validation sessions was highest.

        A session whose window would begin before the first one is not learnt from. Of the validation sessions those
        with whole windows are scored, and at least the last ten.

        Raises:
            NotFittableError: No session has both a whole window and labels.
            SettingsError: The graph wants a feature that the samples do not have, or there is a sector, segment or size
                for which the shape has no room.
            CollapsedError: The watchdog found that the scores have become a constant.
        """
        _demand_room(self.shape)
        scaler = Scaler.fitted(train)
        span = self._span(train, scaler, _whole(train, self.shape.window))
        watched = _every(_watched(validation, self.shape.window), self.schedule.validation_sessions)
        stopping = self._span(validation, scaler, watched, before=train)
        return self._trained(train, scaler, (span, stopping), self.schedule, progress)

    def refit(self, samples: Samples, fitted: Sequence[Forecaster], progress: Progress) -> NetworkForecaster:
        """Return a network trained on all samples, with the median of the epochs and penalties of the fitted ones.

        Raises:
            NotFittableError: None of the fitted ones is a network, or no session has a whole window and labels.
        """
        networks = [model for model in fitted if isinstance(model, NetworkForecaster)]
        if not networks:
            raise NotFittableError("A final network takes its epochs from the folds' networks, and none was given.")
        epochs = max(1, round(median(model.epochs for model in networks)))
        penalties = [penalty for model in networks for penalty in model.penalties]
        schedule = replace(self.schedule, epochs=epochs, direct_penalties=(median(penalties),) if penalties else ())
        scaler = Scaler.fitted(samples)
        span = self._span(samples, scaler, _whole(samples, self.shape.window))
        return self._trained(samples, scaler, (span, None), schedule, progress)

    def _span(self, samples: Samples, scaler: Scaler, places: Sequence[int], before: Samples | None = None) -> Span:
        labelled = [i for i in places if np.isfinite(samples.returns[_rows(samples, i)]).any()]
        if not labelled:
            raise NotFittableError(
                f"None of the {len(samples.sessions)} sessions {samples.sessions[:1]}..{samples.sessions[-1:]} has "
                f"labels and a whole window of {self.shape.window} sessions. Take a longer history, or "
                "a shorter window."
            )
        device = training.device_of(self.schedule)
        return Span(SampledPanel(samples, scaler, self.shape, device, before), tuple(labelled))

    def _trained(
        self,
        samples: Samples,
        scaler: Scaler,
        spans: tuple[Span, Span | None],
        schedule: Schedule,
        progress: Progress,
    ) -> NetworkForecaster:
        span, validation = spans
        groups = groups_of(samples.columns.names)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(schedule.seed)
            network = Network(groups, self.shape)
        kept = self._checkpoint(samples, validation, schedule)
        with training.threads(schedule.threads):
            penalty = begin_at_ridge(network.to(training.device_of(schedule)), span, validation, schedule)
        schedule = replace(schedule, direct_penalties=() if penalty is None else (penalty,))
        settings = (self.objective, schedule, self.watch)
        found = training.train(network, span, validation, settings, progress, kept)
        with training.threads(schedule.threads):
            watched = validation or Span(span.panel, span.places[-_WATCHED:])
            importance = _importance(network, watched, schedule.codes_per_session)
        return NetworkForecaster(samples.columns, network, groups, scaler, schedule, found.epochs, importance)

    def _checkpoint(self, samples: Samples, validation: Span | None, schedule: Schedule) -> Path | None:
        """Return the file of this training and no other: named after all that it is made from."""
        if self.folder is None:
            return None
        what = [self.settings(), asdict(schedule), samples.columns, samples.sessions, validation and validation.places]
        digest = hashlib.sha256(json.dumps(what, default=str).encode())
        for array in (samples.bounds, samples.codes, samples.features, samples.returns, samples.static):
            digest.update(b"" if array is None else np.ascontiguousarray(array).data)
        return self.folder / f"{digest.hexdigest()[:32]}.pt"


class NetworkForecaster:
    """A trained network with the scaler of its training sessions."""

    def __init__(  # noqa: PLR0913 - what a bundle holds of it
        self,
        columns: Columns,
        network: Network,
        groups: Groups,
        scaler: Scaler,
        schedule: Schedule,
        epochs: int,
        importance: Sequence[float],
    ) -> None:
        self._columns, self._network, self._groups = columns, network, groups
        self._scaler, self._schedule = scaler, schedule
        self._epochs, self._importance = epochs, tuple(importance)

    @property
    def kind(self) -> str:
        """The name under which its bundle is read back."""
        return KIND

    @property
    def columns(self) -> Columns:
        """The features that it was fitted on."""
        return self._columns

    @property
    def context(self) -> int:
        """The rest of the first scored session's window, and of the returns of which its week's graph is made."""
        return context_of(self._network.shape)

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose version decides what it predicts."""
        return ("torch", "torch-geometric", "numpy")

    @property
    def scalers(self) -> Mapping[str, Fitted]:
        """The sessions through which features that are the same for all codes were scaled."""
        return {"scaler of what all codes share": self._scaler.sessions}

    @property
    def epochs(self) -> int:
        """Passes over the sessions that its training took."""
        return self._epochs

    @property
    def penalties(self) -> tuple[float, ...]:
        """The penalty of the ridge at which its direct path began, or none if it began at zero."""
        return self._schedule.direct_penalties

    @property
    def network(self) -> Network:
        """The network itself, to score a panel of files with."""
        return self._network

    def predict(self, samples: Samples) -> Float64s:
        """Return scores, `[rows, horizons]`, of spread about 1 within the session, computed in float32.

        A session whose window begins before the samples do is scored with what there is of it.

        Raises:
            ColumnsError: The samples have other columns than the model was fitted on.
        """
        self._columns.demand(samples.columns, "The samples to predict on")
        device = training.device_of(self._schedule)
        panel = SampledPanel(samples, self._scaler, self._network.shape, device)
        span = Span(panel, tuple(np.flatnonzero(np.diff(samples.bounds)).tolist()))
        with training.threads(self._schedule.threads):
            found = [out.scores.cpu().numpy() for _, out in training.score(self._network.to(device), span)]
        return np.concatenate(found).astype(np.float64) if found else np.empty((0, len(HORIZONS)))

    def importance(self) -> Mapping[str, float]:
        """Return each feature's mean selection weight over the validation sessions; they sum to 1."""
        return dict(zip(self._columns.names, self._importance, strict=True))

    def to_files(self) -> dict[str, bytes]:
        """Return the settings as JSON and the weights as arrays, which hold no code."""
        content = {
            "shape": asdict(self._network.shape),
            "schedule": asdict(self._schedule),
            "groups": self._groups,
            "scaled": [day.isoformat() for day in self._scaler.sessions],
            "epochs": self._epochs,
            "importance": self._importance,
        }
        arrays = {name: values.cpu().numpy() for name, values in self._network.state_dict().items()}
        buffer = io.BytesIO()
        np.savez(buffer, scaler_mean=self._scaler.mean, scaler_deviation=self._scaler.deviation, **arrays)
        return {SETTINGS: (json.dumps(content, indent=1) + "\n").encode(), WEIGHTS: buffer.getvalue()}

    @classmethod
    def from_files(cls, columns: Columns, files: Mapping[str, bytes]) -> NetworkForecaster:
        """Return the model that `to_files` gave."""
        content = json.loads(files[SETTINGS])
        shape = _BEFORE | content["shape"] | {"static_sizes": tuple(content["shape"]["static_sizes"])}
        groups = tuple(map(tuple, content["groups"]))
        with np.load(io.BytesIO(files[WEIGHTS]), allow_pickle=False) as kept:
            arrays = {name: kept[name] for name in kept.files}
        scaled = Fitted(*map(date.fromisoformat, content["scaled"]))
        scaler = Scaler(arrays.pop("scaler_mean"), arrays.pop("scaler_deviation"), scaled)
        network = Network(groups, Architecture(**shape))
        network.load_state_dict({name: torch.from_numpy(values) for name, values in arrays.items()})
        began = tuple(content["schedule"].get("direct_penalties", ()))
        schedule = Schedule(**content["schedule"] | {"direct_penalties": began})
        return cls(columns, network, groups, scaler, schedule, content["epochs"], content["importance"])


def _importance(network: Network, span: Span, codes: int | None) -> list[float]:
    means = [out.weights.double().mean(dim=0).cpu() for _, out in training.score(network, span, codes)]
    mean = torch.stack(means).mean(dim=0)
    return [float(share) for share in mean / mean.sum()]


def _rows(samples: Samples, i: int) -> slice:
    return slice(int(samples.bounds[i]), int(samples.bounds[i + 1]))


def _demand_room(shape: Architecture) -> None:
    """Refuse a shape that has no embedding for a value that a listing may have."""
    if shape.static and any(room < size for room, size in zip(shape.static_sizes, SIZES, strict=True)):
        raise SettingsError(
            f"The network has room for {shape.static_sizes} values of {', '.join(STATIC)}; the vocabulary has {SIZES}, "
            "0 for unknown included. Give static_sizes at least that."
        )


def _whole(samples: Samples, window: int) -> range:
    return range(window - 1, len(samples.sessions))


def _watched(samples: Samples, window: int) -> range:
    return range(max(0, min(window - 1, len(samples.sessions) - _WATCHED)), len(samples.sessions))


def _every(places: range, most: int) -> range:
    return places[:: max(1, math.ceil(len(places) / most))]
