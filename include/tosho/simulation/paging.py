"""Paging as J-Quants does it: a key that changes with every page, and only fits the question that it was given for."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from tosho.simulation.answers import ApiError

KEY = "pagination_key"


class Page(NamedTuple):
    """Some rows of an answer, and the key to the next ones; empty after the last."""

    rows: pl.DataFrame
    next_key: str


def page_of(rows: pl.DataFrame, query: Mapping[str, str], size: int) -> Page:
    """Return the page that a query's `pagination_key` points at, the first one without.

    Raises:
        ApiError: The key is not one that this question was answered with.
    """
    question = _digest(query)
    begin = _offset(query[KEY], question) if KEY in query else 0
    end = begin + size
    return Page(rows.slice(begin, size), _key(end, question) if end < rows.height else "")


def _digest(query: Mapping[str, str]) -> str:
    asked = json.dumps(sorted((name, value) for name, value in query.items() if name != KEY))
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def _key(offset: int, question: str) -> str:
    return base64.urlsafe_b64encode(f"{question}.{offset}".encode()).decode()


def _offset(key: str, question: str) -> int:
    try:
        told, _, offset = base64.urlsafe_b64decode(key).decode().partition(".")
    except ValueError:  # bad base64 and bad UTF-8 are both of it
        told, offset = "", ""
    if told != question or not offset.isdecimal():
        raise ApiError(400, "The pagination_key is not valid for these parameters.")
    return int(offset)
