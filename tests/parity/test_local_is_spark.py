"""The two engines give the same bytes, however Spark deals the work out and wherever it runs."""

from __future__ import annotations

import pytest

from tosho.features import processes
from tosho.features.pieces import sectors, source
from tosho.features.pieces.blob import bucket_of
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import window_in
from tosho.features.plan import plan


@pytest.mark.parametrize("shape", [Shape(400, 1, 400), Shape(16, 3, 7), Shape(5, 7, 1)])
def test_a_history_has_the_bytes_of_the_local_engine(build, expected, sessions, shape):
    built = build(sessions[-24], sessions[-1], shape=shape)
    assert built == expected


def test_the_driver_reads_no_bars(build, expected, sessions, monkeypatch):
    """Sums of sectors come to it in parts, as of a long history; one part alone, of few sessions, it would make."""
    monkeypatch.setattr(sectors, "SESSIONS", 40)
    read, read_months = [], source.read_months

    def noted(lake, table, *more):
        read.append(table)
        return read_months(lake, table, *more)

    monkeypatch.setattr(source, "read_months", noted)
    assert build(sessions[-24], sessions[-1]) == expected
    assert "bars" not in read


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_have_the_bytes_of_the_local_engine(lake, core, expected, sessions, workers, monkeypatch):
    monkeypatch.setattr("tosho.features.processes.shape_of", lambda *_: Shape(16, 3, 7))
    window = window_in(lake, sessions[-24], sessions[-1], plan(core).rows_before)
    processes.build_window(lake, core, window, workers)
    assert {session: lake.manifest("features", session) for session in window.wanted} == expected


@pytest.mark.parametrize("back", [1, 15])
def test_a_single_session_has_the_bytes_of_the_history(build, expected, sessions, back):
    """Splits and statements of before the lookback count, and are read."""
    session = sessions[-back]
    assert build(session, session) == {session: expected[session]}


def test_more_buckets_than_codes_leave_nothing_out(build, expected, sessions):
    assert build(sessions[-1], sessions[-1], shape=Shape(16, 47, 7)) == {sessions[-1]: expected[sessions[-1]]}


def test_a_code_has_the_same_bucket_everywhere():
    """Not Python's hash, which differs from process to process."""
    assert [bucket_of(code, 1000) for code in ("13010", "130A0", "72030")] == [778, 500, 949]
