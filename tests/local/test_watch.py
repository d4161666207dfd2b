"""What a person reads while a run goes on: how far its task is, and afterwards where the time went."""

import pytest

from tosho.local.airflow import AirflowApi
from tosho.local.environment import Workplace
from tosho.local.processes import Processes
from tosho.local.watch import TaskTime, Watch, times
from tosho.observability.progress import VARIABLE, Progress

RUNNING = {"task_id": "ingest", "state": "running", "map_index": -1, "rendered_map_index": None}


@pytest.fixture
def said():
    return []


@pytest.fixture
def watch(tmp_path, said):
    """It asks no Airflow: what a running task notes lies in a file."""
    place = Workplace(tmp_path, tmp_path)
    return Watch(AirflowApi(place), Processes(tmp_path / "processes"), said.append, place.progress)


@pytest.fixture
def note(watch, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(watch.progress_file))
    return Progress("sessions", every=0)


def look(watch, told, elapsed):
    watch._tell("history", "run", "history", RUNNING, told, elapsed)


def test_a_running_task_is_told_once_and_then_how_far_it_is_each_time_that_changes(watch, note, said):
    told = set()
    look(watch, told, 0.0)
    for elapsed, (session, done) in enumerate([("2025-01-09", 1200), ("2025-01-09", 1200), ("2025-01-10", 2400)], 1):
        note(session, done, 2400)
        look(watch, told, float(elapsed))
    assert said == [
        "     0.0 s  history  ingest          running",
        "     1.0 s  history  ingest          sessions 1,200 of 2,400 (2025-01-09)",
        "     3.0 s  history  ingest          sessions 2,400 of 2,400 (2025-01-10)",
    ]


def test_what_the_task_before_has_noted_is_not_told_of_the_next(watch, note, said):
    note("2025-01-10", 2400, 2400)
    told = set()
    for elapsed in (1.0, 2.0):
        look(watch, told, elapsed)
    assert said == ["     1.0 s  history  ingest          running"]


def test_the_time_of_a_run_is_that_of_waiting_and_running_task_by_task():
    run = {"queued_at": "2025-01-14T10:00:00+00:00", "end_date": "2025-01-14T10:01:00+00:00"}
    plain = {"map_index": -1, "rendered_map_index": None}
    clock = "2025-01-14T10:00:{:02d}+00:00"
    tasks = [
        plain | {"task_id": "load", "start_date": clock.format(40), "end_date": clock.format(50)},
        plain | {"task_id": "ingest", "start_date": clock.format(5), "end_date": clock.format(35)},
        plain | {"task_id": "never", "start_date": None, "end_date": None},
    ]
    assert times(run, tasks) == [
        TaskTime("ingest", 5.0, 30.0),
        TaskTime("load", 5.0, 10.0),
        TaskTime("(run closed)", 10.0, 0.0),
    ]


def test_a_mapped_task_is_told_once_for_each_of_what_it_is_mapped_over(watch, said):
    told = set()
    for index, name in enumerate(("lightgbm", None)):
        task = {"task_id": "train", "state": "running", "map_index": index, "rendered_map_index": name}
        watch._tell("weekly_training", "run", "training", task, told, 1.0)
    assert said == ["     1.0 s  training  train[lightgbm] running", "     1.0 s  training  train[1]        running"]
