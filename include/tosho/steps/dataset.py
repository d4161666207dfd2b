"""The dataset of a training run: features and labels of a range, normalised, as tensors that containers map."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

from tosho.config import Settings
from tosho.dataset import rows_build
from tosho.dataset.build import Engine, build_dataset
from tosho.dataset.labels import label_sessions
from tosho.dataset.listing import Universe
from tosho.dataset.normalise import Normaliser, audit
from tosho.dataset.panel_files import PanelManifest, Precision
from tosho.dataset.panel_store import PanelStore
from tosho.dataset.pieces import DatasetPlan
from tosho.dataset.samples import Columns
from tosho.dataset.splits import WalkForward
from tosho.features.sets import FeatureSet, feature_set
from tosho.observability import metrics
from tosho.observability.log import logger
from tosho.steps.preparation import columns_of, usable
from tosho.storage import Lake

log = logger(__name__)


class NoFeaturesError(LookupError):
    """The lake holds no features in a range."""


def dataset_plan(
    wanted: FeatureSet,
    universe: Universe = Universe.ALL,
    normaliser: Normaliser | None = None,
    precision: Precision = "float32",
) -> DatasetPlan:
    """Return the plan of a set's dataset; what all codes of a session share is scaled through time."""
    return DatasetPlan(
        Columns(wanted.name, wanted.number, wanted.names),
        tuple(feature.name for feature in wanted.features if feature.is_shared),
        universe,
        normaliser or Normaliser(),
        precision=precision,
    )


def build(  # noqa: PLR0913 - what a dataset is
    settings: Settings,
    first: date,
    last: date,
    *,
    engine: AbstractContextManager[Engine],
    name: str = "",
    universe: Universe = Universe.ALL,
    normaliser: Normaliser | None = None,
    precision: Precision = "float32",
    split: WalkForward | None = None,
) -> dict[str, Any]:
    """Label a range, and publish its dataset in the lake. The same data again make nothing.

    What is used was known at the close of `last`: labels that reach beyond are left out. Scalers are fitted on the
    first fold's training sessions, which every fold's training reaches to or beyond.

    Args:
        settings: The installation, with the feature set.
        first: First session of the range.
        last: Last one.
        engine: Who makes the pieces: `dataset.spark.spark()` or `dataset.engines.processes()`.
        name: Under which it is fetched; the feature set's when left out.
        universe: Which codes.
        normaliser: How features are normalised within a session.
        precision: Of the stored features.
        split: How training will split; shrunk where the history is short, as there.

    Returns:
        What was done, in short: name, first, last, sessions, codes, weeks, features, labelled, fitted, bytes, is_new.

    Raises:
        NoFeaturesError: No session of the range has features.
        TooShortError: There are too few labelled sessions for a fold.
        SessionsMissingError: A session between has no features.
        ColumnsError: A session's features are of another set, number or order.
        FeatureJobError: A task of Spark's failed for good. Nothing was published.
    """
    lake, wanted = Lake.of(settings), feature_set(settings.feature_set)
    sessions = lake.sessions("features", first, last)
    if not sessions:
        raise NoFeaturesError(f"No session from {first} to {last} has features in {settings.lake}. Compute them first.")
    labelled = [session for session in label_sessions(lake, sessions[0], last) if session <= sessions[-1]]
    train = (split or WalkForward()).fitted(len(labelled)).folds(labelled)[0].train
    fit = [session for session in labelled if train.first <= session <= train.last]
    plan = dataset_plan(wanted, universe, normaliser, precision)
    with metrics.stage(settings.metrics, "dataset"), engine as opened:
        manifest, is_new = build_dataset(lake, name or wanted.name, plan, sessions, labelled[-1], fit, opened)
    log.info("Dataset %s: %s", name or wanted.name, "published" if is_new else "as it was")
    return _summary(name or wanted.name, manifest) | {"is_new": is_new}


def build_rows(
    settings: Settings, first: date, last: date, *, engine: AbstractContextManager[Engine], name: str = ""
) -> dict[str, Any]:
    """Label a range, and publish in the lake the rows that models are trained on: as they are, nothing normalised.

    `steps.training.train` with this dataset maps what it would otherwise assemble. The same data again make nothing,
    and no engine is started.

    Args:
        settings: The installation, with the feature set.
        first: First session of the range.
        last: Last one; labels that reach beyond are left out.
        engine: Who makes the pieces: `dataset.spark.spark()` or `dataset.engines.processes()`.
        name: Under which they are found; `training-` and the feature set's when left out.

    Returns:
        What was done, in short: name, first, last, sessions, rows, features, bytes, is_new.

    Raises:
        NothingToTrainOnError: No session has both features and labels.
        NeverFullError: In no session are enough features known.
        ColumnsError: A session's features are of another set, number or order.
        FeatureJobError: A task of Spark's failed for good. Nothing was published.
    """
    lake, given = Lake.of(settings), name or f"training-{settings.feature_set}"
    columns, (_, sessions) = columns_of(settings), usable(lake, first, last)
    known = rows_build.known_rows(lake, given, columns, sessions)
    if known is None:
        with metrics.stage(settings.metrics, "dataset"), engine as opened:
            manifest = rows_build.build_rows(lake, given, columns, sessions, opened)
    else:
        manifest = known
    log.info("Dataset %s: %s", given, "as it was" if known else "published")
    return {
        "name": given,
        "first": manifest.sessions[0].isoformat(),
        "last": manifest.sessions[-1].isoformat(),
        "sessions": len(manifest.sessions),
        "rows": manifest.rows,
        "features": len(manifest.columns.names),
        "bytes": manifest.rows * sum(manifest.sizes().values()),
        "is_new": known is None,
    }


def fetch(settings: Settings, folder: Path, name: str = "", until: date | None = None) -> dict[str, Any]:
    """Lay a dataset out in a folder of this machine, where `Panel.open` maps it; nothing is done if it is there.

    Args:
        settings: The installation.
        folder: Where to.
        name: Of the dataset; the feature set's when left out.
        until: The last session of the training that it is fetched for.

    Raises:
        PanelMissingError: None of this name was published.
        PanelError: A piece is missing, or not what was published.
        FittedBeyondError: A scaler was fitted on a session after `until`; nothing was fetched.
    """
    given = name or settings.feature_set
    store = PanelStore(Lake.of(settings).files, given)
    if until:
        audit(store.manifest().fitted, until)
    return _summary(given, store.fetch(folder)) | {"folder": str(folder)}


def _summary(name: str, manifest: PanelManifest) -> dict[str, Any]:
    return {
        "name": name,
        "first": manifest.sessions[0].isoformat(),
        "last": manifest.sessions[-1].isoformat(),
        "sessions": len(manifest.sessions),
        "codes": len(manifest.codes),
        "weeks": len(manifest.weeks),
        "features": len(manifest.columns.names),
        "labelled": manifest.labelled.isoformat() if manifest.labelled else None,
        "fitted": [f"{each.what}: {each.first} to {each.last}" for each in manifest.fitted],
        "bytes": sum(field.size * manifest.length(field) for field in manifest.fields()),
    }
