"""Building a dataset from the lake to the lake: its pieces dealt out by an engine, published by one manifest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from tosho import calendar
from tosho.contracts import HORIZONS
from tosho.dataset.graph import REACH, weeks_of
from tosho.dataset.normalise import Scaler, with_missing_share
from tosho.dataset.panel_files import FORMAT, PanelManifest, Piece
from tosho.dataset.panel_store import PanelStore
from tosho.dataset.pieces import DatasetPlan, Pieces, Sessions, Survey, Weeks
from tosho.features.columns import LISTING_AGE
from tosho.observability.log import logger
from tosho.observability.progress import Progress
from tosho.storage import Lake

log = logger(__name__)

Engine = Callable[[Pieces, str], Iterator[str]]
"""Makes all pieces wherever there is a worker, and yields what they tell in order. It is told what they are."""

_FORMULA = 1  # part of what a dataset is made from: one made another way is made again


class SessionsMissingError(LookupError):
    """A window would have a hole: sessions of the range have no features."""


def build_dataset(  # noqa: PLR0913 - what a dataset is
    lake: Lake,
    name: str,
    plan: DatasetPlan,
    sessions: Sequence[date],
    labelled: date | None,
    fit: Sequence[date],
    engine: Engine,
) -> tuple[PanelManifest, bool]:
    """Publish the dataset of these sessions, and return its manifest and whether it is new.

    The same data and plan again make nothing: what was published is returned. A run that fails publishes nothing, and
    the bytes do not depend on the engine or on how pieces are dealt out.

    Args:
        lake: From where, and where to.
        name: The panel's name; the panel before takes its leave.
        plan: What it is made of.
        sessions: Consecutive, in order; all have features.
        labelled: The last session whose labels may be looked at.
        fit: Sessions on which scalers are fitted.
        engine: Who makes the pieces.

    Raises:
        SessionsMissingError: A session between the first and the last is not among them.
        ColumnsError: A session's features are of another set, number or order.
        NothingToFitError: There are too few sessions to fit a scaler.
        StorageError: The lake could not be written.
    """
    _demand_all(sessions)
    store, made_from = PanelStore(lake.files, name), _made_from(lake, plan, sessions, labelled, fit)
    if (known := store.find()) and known.made_from == made_from:
        log.info("Dataset %s: nothing has changed since it was built.", name)
        return known, False
    try:
        manifest = _built(lake, store, plan, sessions, labelled, fit, engine, made_from)
        store.publish(manifest)
    except BaseException:
        store.sweep()
        raise
    return manifest, True


def _built(  # noqa: PLR0913 - as `build_dataset`
    lake: Lake,
    store: PanelStore,
    plan: DatasetPlan,
    sessions: Sequence[date],
    labelled: date | None,
    fit: Sequence[date],
    engine: Engine,
    made_from: str,
) -> PanelManifest:
    found = [json.loads(told) for told in engine(Survey(lake, plan, tuple(sessions)), "sessions looked at")]
    scaler = _scaler(plan, sessions, [row for chunk in found for row in chunk["shared"]], fit)
    manifest = PanelManifest(
        with_missing_share(plan.columns),
        tuple(sessions),
        tuple(sorted({code for chunk in found for code in chunk["codes"]})),
        weeks_of(sessions),
        HORIZONS,
        plan.graph.degree,
        plan.precision,
        labelled,
        str(plan.normaliser),
        dict(zip(scaler.names, zip(scaler.mean, scaler.deviation, strict=True), strict=True)) if scaler else None,
        (scaler.fitted,) if scaler else (),
        made_from,
    )
    rows = _pieces(engine(Sessions(lake, plan, store, manifest, scaler), "sessions written"))
    graphs = _pieces(engine(Weeks(lake, plan, store, manifest), "weekly graphs written"))
    return replace(manifest, session_pieces=rows, week_pieces=graphs)


def told(pieces: Pieces, results: Iterator[str], what: str) -> Iterator[str]:
    """Yield results as they come, and tell how far the work is."""
    progress = Progress("dataset")
    for done, result in enumerate(results, 1):
        progress(what, done, pieces.count)
        yield result


def _scaler(
    plan: DatasetPlan, sessions: Sequence[date], shared: list[list[float | None]], fit: Sequence[date]
) -> Scaler | None:
    if not plan.shared:
        return None
    by_session = dict(zip(sessions, shared, strict=True))
    values = np.array([by_session[session] for session in fit], dtype=np.float64).reshape(len(fit), len(plan.shared))
    return Scaler.fit(plan.shared, values, fit)


def _pieces(results: Iterator[str]) -> tuple[Piece, ...]:
    return tuple(Piece(date.fromisoformat(day), *rest) for result in results for day, *rest in json.loads(result))


def _demand_all(sessions: Sequence[date]) -> None:
    asked = calendar.sessions(sessions[0], sessions[-1])
    if missing := sorted(set(asked) - set(sessions)):
        raise SessionsMissingError(
            f"A dataset of {sessions[0]} to {sessions[-1]} needs the features of all {len(asked)} sessions; "
            f"{len(missing)} have none: {[day.isoformat() for day in missing[:5]]}. Compute them first."
        )


def _made_from(
    lake: Lake, plan: DatasetPlan, sessions: Sequence[date], labelled: date | None, fit: Sequence[date]
) -> str:
    first = min(calendar.offset(weeks_of(sessions[:1])[0], 1 - REACH), calendar.offset(sessions[0], -LISTING_AGE))
    read: list[tuple[str, date]] = [("features", session) for session in sessions]
    read += [("labels", session) for session in sessions if labelled and session <= labelled]
    read += [(table, day) for table in ("bars", "securities") for day in lake.sessions(table, first, sessions[-1])]
    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda at: lake.manifest(*at).sha256, read))
    facts: list[Any] = [FORMAT, _FORMULA, repr(plan), sessions[0], sessions[-1], labelled, list(fit)]
    return hashlib.sha256("".join([str(facts), *sums]).encode()).hexdigest()
