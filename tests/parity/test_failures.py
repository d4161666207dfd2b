"""A job that dies in the middle leaves what was published, and nothing half."""

from __future__ import annotations

import tempfile

import pytest

from parity import market, planted
from tosho.features import processes
from tosho.features.pieces.job import Opening
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import window_in
from tosho.features.plan import plan
from tosho.features.spark.flow import FeatureJobError
from tosho.storage import layout


@pytest.fixture
def published(lake, core, sessions):
    """What was there before: of the same features, without the planted one."""
    return market.publish_locally(lake, lake, core, sessions[-6:])


def marker_of(lake, session):
    """The value by which a planted feature knows the session it shall fail in."""
    return lake.read("features", session).sort("code")["ret_1"][0]


@pytest.mark.parametrize("plant", [planted.raising, planted.killing_the_worker])
def test_a_task_that_dies_leaves_the_published_partitions(lake, build, core, sessions, published, plant):
    before = {session: lake.read("features", session) for session in published}
    doomed = plant(core, marker_of(lake, sessions[-3]))
    with pytest.raises(FeatureJobError):
        build(sessions[-6], sessions[-1], wanted=doomed, shape=Shape(16, 3, 1))
    assert {session: lake.manifest("features", session) for session in published} == published
    assert all(lake.read("features", session).equals(frame) for session, frame in before.items())


def test_a_task_that_dies_publishes_no_new_session(lake, build, core, sessions, published):
    at = marker_of(lake, sessions[-3])
    forget = sessions[-10:-6]
    for session in forget:
        lake.files.delete_folder(layout.partition_path("features", session))
    with pytest.raises(FeatureJobError, match="planted to fail"):
        build(forget[0], sessions[-1], wanted=planted.raising(core, at), shape=Shape(16, 3, 2))
    assert not lake.sessions("features", forget[0], forget[-1])


def test_a_failed_job_can_run_again(build, core, sessions, published, expected, lake):
    with pytest.raises(FeatureJobError):
        build(sessions[-2], sessions[-1], wanted=planted.raising(core, marker_of(lake, sessions[-1])))
    assert build(sessions[-2], sessions[-1]) == {session: expected[session] for session in sessions[-2:]}


def test_a_driver_that_fails_while_workers_read_leaves_no_folder(lake, core, sessions, monkeypatch, tmp_path):
    """A worker would make a folder anew that was removed under it."""

    def fail(*_):
        raise RuntimeError("planted to fail")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr("tosho.features.processes.shape_of", lambda *_: Shape(5, 3, 7))
    monkeypatch.setattr(Opening, "prepare", fail)
    window = window_in(lake, sessions[-6], sessions[-1], plan(core).rows_before)
    with pytest.raises(RuntimeError, match="planted to fail"):
        processes.build_window(lake, core, window, 2)
    assert not list(tmp_path.glob("tosho-*"))  # the pool has a folder of its own, for its socket
