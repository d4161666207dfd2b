"""Where things are in the lake: table and session to path, and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

MANIFEST = "manifest.json"
MONTHS = "months"
DATASETS = "datasets"
AREAS = ("raw", "tables", "quarantine", "reports", MONTHS, DATASETS)
"""The folders of the lake, each with one folder a source, table, dataset or, of reports, session."""

_SESSION = "session="


def table_path(table: str) -> str:
    """Return the folder of a table, relative to the lake's root."""
    return f"tables/{table}"


def partition_path(table: str, session: date) -> str:
    """Return the folder of one session of a table.

    >>> partition_path("bars", date(2018, 11, 16))
    'tables/bars/session=2018-11-16'
    """
    return f"{table_path(table)}/{_SESSION}{session.isoformat()}"


def data_path(table: str, session: date, file: str) -> str:
    """Return the path of a partition's data file."""
    return f"{partition_path(table, session)}/{file}"


def manifest_path(table: str, session: date) -> str:
    """Return the path of the manifest that makes a partition exist."""
    return f"{partition_path(table, session)}/{MANIFEST}"


def quarantine_path(table: str, session: date) -> str:
    """Return the folder in which rows of a session wait that broke the contract."""
    return f"quarantine/{table}/{_SESSION}{session.isoformat()}"


def report_path(session: date) -> str:
    """Return the path of the page that shows what came in for a session.

    >>> report_path(date(2018, 11, 16))
    'reports/session=2018-11-16/quality.html'
    """
    return f"reports/{_SESSION}{session.isoformat()}/quality.html"


def dataset_path(name: str) -> str:
    """Return the folder of a dataset that models are trained on.

    >>> dataset_path("core")
    'datasets/core'
    """
    return f"{DATASETS}/{name}"


def raw_path(source: str, request: str) -> str:
    """Return the folder of a source's payloads for one request, as fetched.

    >>> raw_path("bars_daily", "date=2018-11-16")
    'raw/bars_daily/date=2018-11-16'
    """
    return f"raw/{source}/{request}"


def session_of(folder: str) -> date:
    """Return the session that a partition folder's name tells.

    >>> session_of("session=2018-11-16")
    datetime.date(2018, 11, 16)
    """
    return date.fromisoformat(folder.removeprefix(_SESSION))


def sessions_of(names: Iterable[str]) -> list[date]:
    """Return the sessions of a table's partition folders; what else lies there is `lake verify`'s to name.

    >>> sessions_of([".DS_Store", "session=2018-11-16"])
    [datetime.date(2018, 11, 16)]
    """
    return [session_of(name) for name in names if name.startswith(_SESSION)]
