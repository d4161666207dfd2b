"""The mean of several models' ranks within the session, each counting by how steadily it ordered the validation."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Bounds, Float64s, average_ranks, rank_correlations, slices
from tosho.dataset.samples import Columns, Samples
from tosho.models.base import Fitted, Forecaster, Learner, NotFittableError, Progress

KIND = "ensemble"
_FILE = "ensemble.json"
Read = Callable[[str, Columns, Mapping[str, bytes]], Forecaster]


@dataclass(frozen=True)
class Ensemble:
    """Settings: the learners whose models are its members."""

    members: tuple[Learner, ...]

    @property
    def kind(self) -> str:
        """The name of the models that it fits."""
        return KIND

    @property
    def parts(self) -> int:
        """How often one fit tells its progress: as often as its members, and once for their weights."""
        return sum(member.parts for member in self.members) + 1

    def brief(self) -> Ensemble:
        """Return the same learner with little effort, for tests that need no good model."""
        return replace(self, members=tuple(member.brief() for member in self.members))

    def settings(self) -> dict[str, object]:
        """Return every setting, by name, each member's with its kind before it."""
        own: dict[str, object] = {"members": tuple(member.kind for member in self.members)}
        return own | {f"{m.kind}_{name}": value for m in self.members for name, value in m.settings().items()}

    def fit(self, train: Samples, validation: Samples, progress: Progress) -> EnsembleForecaster:
        """Return fitted members, weighted by their ICIR on the validation sessions.

        Raises:
            NotFittableError: There is no member, or one of them cannot be fitted.
        """
        if not self.members:
            raise NotFittableError("An ensemble of no members was to be fitted; name one at least.")
        models = [member.fit(train, validation, progress) for member in self.members]
        weights = icir_weights(np.stack([icir(model, validation) for model in models]))
        progress(f"weights: {_told(models, weights)}")
        return EnsembleForecaster(train.columns, models, weights)

    def refit(self, samples: Samples, fitted: Sequence[Forecaster], progress: Progress) -> EnsembleForecaster:
        """Return members fitted on all samples, with the mean of the weights that the folds' ensembles gave them.

        Raises:
            NotFittableError: No fitted ensemble of these members was given.
        """
        kinds = [member.kind for member in self.members]
        alike = [f for f in fitted if isinstance(f, EnsembleForecaster) and [m.kind for m in f.members] == kinds]
        if not alike:
            raise NotFittableError(
                f"A final ensemble of {', '.join(kinds)} takes its weights from the folds' ensembles of the same "
                "members, and none was given."
            )
        models = [
            member.refit(samples, [each.members[at] for each in alike], progress)
            for at, member in enumerate(self.members)
        ]
        weights = np.mean([each.weights for each in alike], axis=0)
        progress(f"final, weights: {_told(models, weights)}")
        return EnsembleForecaster(samples.columns, models, weights)


class EnsembleForecaster:
    """Fitted members and their weights, `[members, horizons]`, which sum to 1 for each horizon."""

    def __init__(self, columns: Columns, members: Sequence[Forecaster], weights: Float64s) -> None:
        self._columns, self.members, self.weights = columns, tuple(members), weights

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
        """Sessions before the scored one: as many as the member that needs most."""
        return max(member.context for member in self.members)

    @property
    def scalers(self) -> Mapping[str, Fitted]:
        """Those of the members, each with the member's kind before it; the weights are no scaler."""
        return {f"{m.kind}: {name}": fitted for m in self.members for name, fitted in m.scalers.items()}

    @property
    def libraries(self) -> tuple[str, ...]:
        """Distributions whose version decides what it predicts."""
        return tuple(sorted({"numpy", *(name for member in self.members for name in member.libraries)}))

    def predict(self, samples: Samples) -> Float64s:
        """Return the weighted mean of the members' ranks, `[rows, horizons]`, between 0 and 1 within the session.

        Raises:
            ColumnsError: The samples have other columns than the model was fitted on.
        """
        self._columns.demand(samples.columns, "The samples to predict on")
        ranked = [ranks(member.predict(samples), samples.bounds) for member in self.members]
        return np.asarray(np.einsum("mh,mrh->rh", self.weights, np.stack(ranked)), dtype=np.float64)

    def importance(self) -> Mapping[str, float]:
        """Return each feature's share, the members' by their weights averaged over horizons; shares sum to 1."""
        shares = [member.importance() for member in self.members]
        by_member = self.weights.mean(axis=1)
        return {name: float(sum(w * s[name] for w, s in zip(by_member, shares, strict=True))) for name in shares[0]}

    def to_files(self) -> dict[str, bytes]:
        """Return the members' files, each name with the member's number before it, and the weights."""
        content = {"members": [member.kind for member in self.members], "weights": self.weights.tolist()}
        files = {_FILE: (json.dumps(content, indent=1) + "\n").encode()}
        for at, member in enumerate(self.members):
            files |= {_prefix(at) + name: data for name, data in member.to_files().items()}
        return files

    @classmethod
    def from_files(cls, columns: Columns, files: Mapping[str, bytes], read: Read) -> EnsembleForecaster:
        """Return the model that `to_files` gave.

        Args:
            columns: The features it was fitted on.
            files: What `to_files` gave.
            read: Returns a member of a kind from its own files.
        """
        content = json.loads(files[_FILE])
        members = []
        for at, kind in enumerate(content["members"]):
            of_member = {n.removeprefix(_prefix(at)): data for n, data in files.items() if n.startswith(_prefix(at))}
            members.append(read(kind, columns, of_member))
        return cls(columns, members, np.array(content["weights"], dtype=np.float64))


def ranks(scores: Float64s, bounds: Bounds) -> Float64s:
    """Return the place of each score within its session, `[rows, horizons]`, from 0 to 1; ties share theirs."""
    out = np.full(scores.shape, 0.5)
    for rows in slices(bounds):
        count = rows.stop - rows.start
        if count > 1:
            for i in range(scores.shape[1]):
                out[rows, i] = average_ranks(scores[rows, i]) / (count - 1)
    return out


def icir(model: Forecaster, validation: Samples) -> Float64s:
    """Return the mean of the daily rank IC over its deviation, `[horizons]`; 0 where there is none to speak of.

    The sessions that the model needs as context are left out where others remain.
    """
    scores = model.predict(validation)
    skipped = model.context if model.context < len(validation.sessions) else 0
    found = np.zeros(len(HORIZONS))
    for i in range(len(HORIZONS)):
        daily = rank_correlations(scores[:, i], validation.returns[:, i], validation.bounds)[skipped:]
        known = daily[np.isfinite(daily)]
        if known.size > 1 and known.std(ddof=1) > 0:
            found[i] = known.mean() / known.std(ddof=1)
    return found


def icir_weights(found: Float64s) -> Float64s:
    """Return weights `[members, horizons]` in proportion to ICIRs; who has none above 0 counts for nothing.

    Where no member has one above 0, all count the same.
    """
    positive = np.maximum(found, 0.0)
    total = positive.sum(axis=0)
    equal = np.full(found.shape, 1 / len(found))
    return np.where(total > 0, positive / np.where(total > 0, total, 1.0), equal)


def _prefix(at: int) -> str:
    return f"member_{at}_"


def _told(models: Sequence[Forecaster], weights: Float64s) -> str:
    by_horizon = (f"{h}: {', '.join(f'{w:.2f}' for w in weights[:, i])}" for i, h in enumerate(HORIZONS))
    return f"{', '.join(model.kind for model in models)} by horizon {'; '.join(by_horizon)}"
