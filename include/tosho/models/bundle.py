"""A saved model with everything needed to score, which proves on loading that it still predicts what it did."""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s, counts_to_bounds
from tosho.dataset.samples import Columns, Samples
from tosho.models import kinds
from tosho.models.base import Forecaster
from tosho.models.intervals import INTERVALS, Intervals
from tosho.models.kinds import UnknownKindError

MANIFEST = "bundle.json"
GOLDEN = "golden.npz"
_GOLDEN_ROWS = 64
_TOLERANCE = 1e-9
_LOOSER = {"atft": 1e-3}  # a network sums float32, each processor in its own order


class BundleError(ValueError):
    """A bundle is not what it says it is, or cannot be trusted on this machine."""


@dataclass(frozen=True)
class Bundle:
    """A fitted model and what scoring needs to know of it.

    Args:
        name: The registered model's name.
        forecaster: The model.
        fitted: First and last session of what it was fitted on.
        knew: Last session whose data its training knew: the labels of the last fitted session end there.
        slopes: By horizon, the return above the session's mean that goes with one standard deviation of score.
        unproven: Horizons whose rank IC did not beat zero out of sample.
        intervals: Quantiles and confidence, calibrated out of sample; None in a bundle from before there were any.
    """

    name: str
    forecaster: Forecaster
    fitted: tuple[date, date]
    knew: date
    slopes: tuple[float, ...]
    unproven: tuple[int, ...]
    intervals: Intervals | None = None

    @property
    def columns(self) -> Columns:
        """The features it was fitted on."""
        return self.forecaster.columns

    def predict(self, samples: Samples) -> Float64s:
        """Return scores, `[rows, horizons]`.

        Raises:
            ColumnsError: The samples are of another feature set, number or order.
            BundleError: A score is not finite.
        """
        self.columns.demand(samples.columns, "The samples to score")
        scores = self.forecaster.predict(samples)
        if broken := int((~np.isfinite(scores)).sum()):
            raise BundleError(
                f"Model {self.name} gave {broken} scores of {scores.size} that are not finite; the bound is none. "
                "Nothing was published; look at the features of these rows."
            )
        return scores

    def save(self, folder: Path, sample: Samples) -> None:
        """Write the bundle into an empty or absent folder. Equal bundles have equal bytes.

        Args:
            folder: Where to.
            sample: Rows from which the golden pair is taken: what goes in, and what comes out today.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = {**self.forecaster.to_files(), GOLDEN: _golden(self.forecaster, sample)}
        if self.intervals:
            files[INTERVALS] = self.intervals.to_bytes()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        content = {
            "name": self.name,
            "kind": self.forecaster.kind,
            "feature_set": self.columns.feature_set,
            "number": self.columns.number,
            "columns": self.columns.names,
            "horizons": HORIZONS,
            "fitted": [day.isoformat() for day in self.fitted],
            "knew": self.knew.isoformat(),
            "slopes": self.slopes,
            "unproven": self.unproven,
            "libraries": {name: version(name) for name in self.forecaster.libraries},
            "python": f"{sys.version_info.major}.{sys.version_info.minor}",
            "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
        }
        (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Bundle:
        """Return the bundle in a folder after checking files, horizons, library versions and the golden pair.

        Raises:
            BundleError: One of them is not as it was; the sentence says which.
        """
        content = manifest(folder)
        files = _files(folder, content["files"])
        _demand_libraries(folder, content["libraries"])
        if tuple(content["horizons"]) != HORIZONS:
            raise BundleError(
                f"The bundle in {folder} predicts horizons {content['horizons']}; this version knows {list(HORIZONS)}. "
                "Train a new model."
            )
        columns = Columns(content["feature_set"], content["number"], tuple(content["columns"]))
        forecaster = _forecaster(folder, content["kind"], columns, files)
        _demand_golden(folder, forecaster, files[GOLDEN])
        first, last = (date.fromisoformat(day) for day in content["fitted"])
        knew = date.fromisoformat(content["knew"])
        slopes, unproven = tuple(content["slopes"]), tuple(content["unproven"])
        known = Intervals.of_bytes(files[INTERVALS]) if INTERVALS in files else None
        return cls(content["name"], forecaster, (first, last), knew, slopes, unproven, known)


def manifest(folder: Path) -> dict[str, Any]:
    """Return what `save` wrote of a bundle, without its model.

    Raises:
        BundleError: It cannot be read, or is of a version that did not record what its training knew.
    """
    try:
        content = dict(json.loads((folder / MANIFEST).read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError) as error:
        raise BundleError(
            f"There is no readable {MANIFEST} in {folder}: {error}. Fetch or train the model again."
        ) from error
    if "knew" not in content:
        raise BundleError(
            f"The bundle in {folder} does not say up to which session its training knew the market (`knew`), so that "
            "nobody can tell which scores are in sample. Train a new model."
        )
    return content


def _files(folder: Path, digests: Mapping[str, str]) -> dict[str, bytes]:
    files = {}
    for name, digest in digests.items():
        data = (folder / name).read_bytes() if (folder / name).is_file() else b""
        if hashlib.sha256(data).hexdigest() != digest:
            raise BundleError(
                f"The bundle's file {name} in {folder} is not the one that was saved ({len(data)} bytes, another "
                "checksum). Nothing was loaded; fetch the model again."
            )
        files[name] = data
    return files


def _demand_libraries(folder: Path, libraries: Mapping[str, str]) -> None:
    for name, wanted in libraries.items():
        if (found := version(name)) != wanted:
            raise BundleError(
                f"The bundle in {folder} was made with {name} {wanted}; here is {found}. Install {name}=={wanted}, "
                "or train a new model."
            )


def _forecaster(folder: Path, kind: str, columns: Columns, files: Mapping[str, bytes]) -> Forecaster:
    try:
        return kinds.read(kind, columns, files)
    except UnknownKindError as error:
        raise BundleError(f"The bundle in {folder} cannot be read. {error} Train a new model.") from error


def _golden(forecaster: Forecaster, sample: Samples) -> bytes:
    """Return what goes in and what comes out: a few rows of the newest session, with the context they need."""
    newest = sample.sessions[-1 - forecaster.context :]
    rows = sample.between(newest[0], newest[-1]).thinned(_GOLDEN_ROWS * len(newest), seed=0)
    arrays: dict[str, Any] = {
        "sessions": np.array([s.isoformat() for s in rows.sessions]),
        "counts": np.diff(rows.bounds),
        "codes": rows.codes,
        "features": rows.features,
        "scores": forecaster.predict(rows),
    }
    if rows.static is not None:
        arrays["static"] = rows.static
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()


def _demand_golden(folder: Path, forecaster: Forecaster, data: bytes) -> None:
    with np.load(io.BytesIO(data)) as kept:
        sessions = tuple(date.fromisoformat(str(s)) for s in kept["sessions"])
        unknown = np.full((len(kept["features"]), len(HORIZONS)), np.nan, dtype=np.float32)
        bounds = counts_to_bounds(kept["counts"])
        static = kept["static"] if "static" in kept.files else None
        rows = Samples(forecaster.columns, sessions, bounds, kept["codes"], kept["features"], unknown, static)
        wanted = kept["scores"]
    found, bound = forecaster.predict(rows), _LOOSER.get(forecaster.kind, _TOLERANCE)
    if found.shape != wanted.shape or not np.allclose(found, wanted, rtol=0, atol=bound):
        apart = float(np.abs(found - wanted).max()) if found.shape == wanted.shape else float("nan")
        raise BundleError(
            f"The bundle in {folder} does not predict what it did when it was saved: its golden scores differ by up "
            f"to {apart:.3g}; the bound is {bound:g}. Do not use it; train a new model."
        )
