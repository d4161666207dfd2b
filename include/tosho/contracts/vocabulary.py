"""Columns and rules that many tables share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from typing import TypedDict, Unpack

import polars as pl

from tosho.contracts.contract import Column, Rule

SESSION = Column("session", pl.Date(), "first session whose cutoff knows the row", required=True)
CODE = Column("code", pl.String(), required=True)
KNOWN_AT = Column("known_at", pl.Datetime("us", "UTC"), "instant from which the row could be had", required=True)

CODE_FORM = Rule("code_is_five_characters", pl.col("code").str.contains(r"^[0-9A-Z]{5}$"))


class Emptiness(TypedDict, total=False):
    """When a whole column may be null: fields of `Column` that several columns share."""

    may_be_empty: str
    judged_from: int
    since: date
    until: date


def numbers(names: Iterable[str], unit: str, **empty: Unpack[Emptiness]) -> Iterator[Column]:
    """Yield float columns of one unit."""
    return (Column(name, pl.Float64(), unit, **empty) for name in names)


def texts(names: Iterable[str], **empty: Unpack[Emptiness]) -> Iterator[Column]:
    """Yield text columns."""
    return (Column(name, pl.String(), **empty) for name in names)


def days(names: Iterable[str], **empty: Unpack[Emptiness]) -> Iterator[Column]:
    """Yield date columns."""
    return (Column(name, pl.Date(), **empty) for name in names)


def not_negative(names: Iterable[str]) -> Iterator[Rule]:
    """Yield a rule a column: a finite number that is not below zero."""
    return (Rule(f"{name}_not_negative", pl.col(name).is_finite() & (pl.col(name) >= 0)) for name in names)
