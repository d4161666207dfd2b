"""A model's out-of-sample results as files, so that a model trained later can be set beside it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields

import numpy as np
import polars as pl

from tosho.contracts import HORIZONS
from tosho.evaluation.book import Book, Trading
from tosho.evaluation.comparison import Candidate
from tosho.evaluation.groups import GroupResult
from tosho.evaluation.ic import DailyIC, HorizonResult
from tosho.evaluation.performance import Books
from tosho.evaluation.sharpe import Trials

DAILY = "daily_ic.parquet"
"""Rank IC by session and horizon: what promotion looks at."""

BOOKS, GROUPS, TERMS = "books.parquet", "groups.parquet", "books.json"
"""The books' series, the results by group, and what trading was taken to cost."""

FILES = (DAILY, BOOKS, GROUPS, TERMS)
_LEGS = ("parts", "competition")
_SERIES = ("gross", "traded", "unpriced", "held")
_FIGURES = tuple(field.name for field in fields(HorizonResult))


def to_files(candidate: Candidate) -> dict[str, bytes]:
    """Return the results as named files."""
    books = candidate.books
    terms = {"trading": asdict(books.trading), "trials": asdict(books.trials)}
    return {
        DAILY: candidate.daily.to_parquet(),
        BOOKS: _parquet(pl.concat(_series(books))),
        GROUPS: _parquet(pl.DataFrame(list(_rows(candidate.groups)), schema=_schema(), orient="row")),
        TERMS: (json.dumps(terms, indent=1) + "\n").encode(),
    }


def of_files(files: Mapping[str, bytes]) -> Candidate:
    """Return the results that `to_files` wrote."""
    terms = json.loads(files[TERMS])
    series = pl.read_parquet(io.BytesIO(files[BOOKS]))
    parts, competition = ({h: _book(series, legs, h) for h in HORIZONS} for legs in _LEGS)
    books = Books(Trading(**terms["trading"]), Trials(**terms["trials"]), parts, competition)
    groups = _groups(pl.read_parquet(io.BytesIO(files[GROUPS])))
    return Candidate(DailyIC.of_parquet(files[DAILY]), books, groups)


def _series(books: Books) -> Iterator[pl.DataFrame]:
    for legs in _LEGS:
        for h, book in getattr(books, legs).items():
            columns = {name: getattr(book, name) for name in _SERIES}
            named = pl.DataFrame({"session": book.sessions} | columns)
            yield named.select(pl.lit(legs).alias("legs"), pl.lit(h).alias("horizon"), pl.all())


def _book(series: pl.DataFrame, legs: str, horizon: int) -> Book:
    found = series.filter((pl.col("legs") == legs) & (pl.col("horizon") == horizon))
    gross, traded, unpriced, held = (found[name].to_numpy() for name in _SERIES)
    return Book(horizon, tuple(found["session"]), gross, traded, unpriced, held.astype(np.int64))


def _schema() -> dict[str, type[pl.DataType]]:
    counts = {"horizon", "sessions"}
    own = {name: pl.Int64 if name in counts else pl.Float64 for name in _FIGURES}
    return {"division": pl.String, "group": pl.String, "codes": pl.Float64, "spread_bp": pl.Float64, **own}


def _rows(groups: Mapping[str, Sequence[GroupResult]]) -> Iterator[tuple[object, ...]]:
    for division, results in groups.items():
        for group in results:
            for result, spread in zip(group.results, group.spreads_bp, strict=True):
                yield division, group.name, group.codes, spread, *(getattr(result, name) for name in _FIGURES)


def _groups(rows: pl.DataFrame) -> dict[str, tuple[GroupResult, ...]]:
    found: dict[str, list[GroupResult]] = {}
    for (division, group), part in rows.group_by("division", "group", maintain_order=True):
        results = tuple(HorizonResult(**row) for row in part.select(_FIGURES).to_dicts())
        made = GroupResult(str(group), part["codes"][0], results, tuple(part["spread_bp"].to_list()))
        found.setdefault(str(division), []).append(made)
    return {division: tuple(results) for division, results in found.items()}


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    return buffer.getvalue()
