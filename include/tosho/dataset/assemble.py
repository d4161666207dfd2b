"""From the lake's partitions to arrays, a session at a time: memory holds the result and one partition more."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from tosho.calendar import offset
from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import counts_to_bounds
from tosho.dataset.labels import LABEL_COLUMNS
from tosho.dataset.listing import listing_at
from tosho.dataset.samples import Columns, ColumnsError, Samples
from tosho.dataset.vocabulary import STATIC, static_numbers
from tosho.features.columns import LISTING_AGE
from tosho.storage import Lake, Manifest

_AHEAD = 2  # partitions read ahead


def assemble(lake: Lake, columns: Columns, sessions: Sequence[date]) -> Samples:
    """Return features and labels of sessions, for training.

    A row of features without a label has NaN returns; a label without features is left out.

    Raises:
        ColumnsError: A session's features are of another set, number or order.
        PartitionMissingError: A session has no features or no labels.
    """
    samples = _features(lake, columns, sessions)
    for i, labels in enumerate(_read(lake, "labels", sessions)):
        rows = slice(int(samples.bounds[i]), int(samples.bounds[i + 1]))
        codes = pl.DataFrame({"code": samples.codes[rows].astype(str)})
        matched = codes.join(labels, on="code", how="left", maintain_order="left").select(LABEL_COLUMNS)
        samples.returns[rows] = matched.cast(pl.Float32).fill_null(float("nan")).to_numpy()
    return samples


def assemble_features(lake: Lake, columns: Columns, sessions: Sequence[date]) -> Samples:
    """Return the features of sessions alone, for scoring; all returns are NaN.

    Raises:
        ColumnsError: A session's features are of another set, number or order.
        PartitionMissingError: A session has no features.
    """
    return _features(lake, columns, sessions)


def with_static(lake: Lake, samples: Samples) -> Samples:
    """Return the samples with what each session's listing says of a code: sector, segment and scale.

    Where a session has no listing, the newest of the 65 sessions before holds; without one all is unknown.
    """
    static = np.zeros((samples.rows, len(STATIC)), np.uint8)
    there = lake.sessions("securities", offset(samples.sessions[0], -LISTING_AGE), samples.sessions[-1])
    listing, read = pl.DataFrame(), None
    for i, session in enumerate(samples.sessions):
        at = bisect_right(there, session) - 1
        if at < 0 or there[at] < offset(session, -LISTING_AGE):
            continue
        if there[at] != read:
            read, listing = there[at], listing_at(lake, there[at])
        rows = slice(int(samples.bounds[i]), int(samples.bounds[i + 1]))
        codes = pl.DataFrame({"code": samples.codes[rows].astype(str)})
        static[rows] = static_numbers(codes.join(listing, on="code", how="left", maintain_order="left"))
    return replace(samples, static=static)


def fingerprint(lake: Lake, sessions: Sequence[date], static: npt.NDArray[np.uint8] | None = None) -> str:
    """Return one checksum of all features and labels of these sessions, from their manifests, and of `static`."""
    wanted = [(table, session) for session in sessions for table in ("features", "labels")]
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda at: lake.manifest(*at).sha256, wanted)
        digest = hashlib.sha256("".join(found).encode())
    if static is not None:
        digest.update(np.ascontiguousarray(static).data)
    return digest.hexdigest()


def _features(lake: Lake, columns: Columns, sessions: Sequence[date]) -> Samples:
    manifests = _manifests(lake, columns, sessions)
    bounds = counts_to_bounds(np.array([manifest.rows for manifest in manifests]))
    samples = Samples(
        columns,
        tuple(sessions),
        bounds,
        codes=np.empty(bounds[-1], dtype="S5"),
        features=np.empty((bounds[-1], len(columns.names)), dtype=np.float32),
        returns=np.full((bounds[-1], len(HORIZONS)), np.nan, dtype=np.float32),
    )
    for i, frame in enumerate(_frames(lake, columns, sessions)):
        rows = slice(int(bounds[i]), int(bounds[i + 1]))
        samples.codes[rows] = frame["code"].to_numpy().astype("S5")
        samples.features[rows] = frame.select(pl.col(columns.names).fill_null(float("nan"))).to_numpy()
    return samples


def frames_of(lake: Lake, columns: Columns, sessions: Sequence[date]) -> Iterator[pl.DataFrame]:
    """Yield the features of one session after the other.

    Raises:
        ColumnsError: A session's features are of another set, number or order.
        PartitionMissingError: A session has no features.
    """
    _manifests(lake, columns, sessions)
    yield from _frames(lake, columns, sessions)


def _manifests(lake: Lake, columns: Columns, sessions: Sequence[date]) -> list[Manifest]:
    with ThreadPoolExecutor(8) as pool:
        manifests = list(pool.map(lambda s: lake.manifest("features", s), sessions))
    for manifest in manifests:
        columns.demand(numbered(manifest, columns.names), f"The features of {manifest.session}")
    return manifests


def _frames(lake: Lake, columns: Columns, sessions: Sequence[date]) -> Iterator[pl.DataFrame]:
    for session, frame in zip(sessions, _read(lake, "features", sessions), strict=True):
        columns.demand(columns._replace(names=tuple(frame.columns[2:])), f"The features of {session}")
        yield frame


def numbered(manifest: Manifest, names: tuple[str, ...]) -> Columns:
    """Return the columns of a partition of features that has these names, of the set and number that it says it is.

    Raises:
        ColumnsError: It does not say.
    """
    facts = manifest.facts
    if "feature_set" not in facts or "number" not in facts:
        raise ColumnsError(
            f"The features of {manifest.session} do not say of which set and number they are; their manifest has "
            f"{dict(facts)}. Compute them again."
        )
    return Columns(str(facts["feature_set"]), int(str(facts["number"])), names)


def _read(lake: Lake, table: str, sessions: Sequence[date]) -> Iterator[pl.DataFrame]:
    waiting: deque[Future[pl.DataFrame]] = deque()
    with ThreadPoolExecutor(_AHEAD) as pool:
        for session in sessions:
            waiting.append(pool.submit(lake.read, table, session))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
