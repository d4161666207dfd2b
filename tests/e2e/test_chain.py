"""The whole chain with its real parts: scheduler, Spark, MLflow, the store. A small market, real Dag runs."""

import os
import re
import subprocess
import sys
import time
from datetime import date

import psutil
import pytest

from services import browser
from services.pages import Page
from tosho.calendar import sessions
from tosho.contracts import HORIZONS
from tosho.local import demo_report
from tosho.local.airflow import AirflowApi, listens_beyond_loopback
from tosho.local.watch import RunFailedError, Watch
from tosho.predictions import open_store

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3600)]
FIRST, LAST = date(2024, 12, 26), date(2025, 1, 8)  # six sessions, and the year's end between them
SCORED = (date(2025, 1, 9), date(2025, 1, 10), date(2025, 1, 14))
DAILY = ["session_of_run", "ingest", "check_data", "build_features", "check_features", "score", "load"]
DONE = re.compile(r" +([\d.]+) s  (\S+)  (\w+) +success(?: +([\d,]+) rows)?")
RUN = "tosho.run"  # label of a container


@pytest.fixture(scope="module")
def api(played, installation):
    return AirflowApi(installation.place)


@pytest.fixture(scope="module")
def watch(api, installation):
    return Watch(api, installation.processes, print, installation.place.progress)


@pytest.fixture(scope="module")
def store(installation):
    return open_store(installation.place.settings().store)


def test_ctrl_c_ends_a_demo_and_every_process_of_it(interrupted):
    assert interrupted == (130, [])


def test_the_demo_ends_with_predictions_of_its_last_sessions(played, store):
    for session in SCORED:
        assert played.rows[session] == store.count(session) >= 4 * 270


def test_the_planted_signal_is_recovered(played):
    """Of 300 codes the share at one horizon scatters (0.60 to 0.86); that of the four together (0.75) less."""
    shares = [found["rank_ic"] / found["attainable"] for found in played.trained["rank_ic"].values()]
    assert len(shares) == 4
    assert min(shares) > 0.55, shares
    assert sum(shares) / 4 > 0.7, shares


def test_a_daily_run_tells_where_its_time_went(played):
    tasks = [task.task for task in played.daily[SCORED[-1]]]
    assert tasks[:7] == DAILY


def test_a_person_can_follow_stage_session_rows_and_elapsed_time(played, installation):
    stages = [line.partition(":") for line in installation.said if not line.startswith(" ")]
    assert [name for name, *_ in stages[:4]] == ["market", "services", "history", "weekly_training"]
    assert [(name, told.strip()) for name, _, told in stages[4:]] == [("daily_predictions", f"{s}") for s in SCORED]
    for session in SCORED:
        told = [
            found.groups() for line in installation.said if (found := DONE.fullmatch(line)) and f"{session}" in line
        ]
        assert sorted(task for _, _, task, _ in told) == sorted(DAILY)  # two may be done at one look
        elapsed = [float(seconds) for seconds, *_ in told]
        assert elapsed == sorted(elapsed)
        rows = {task: rows for _, _, task, rows in told if rows}
        assert rows["load"] == f"{played.rows[session]:,}"
        assert rows.keys() >= {"ingest", "load"}


def test_the_demo_ends_with_the_ranking_rank_ic_and_a_page_with_its_plots(played, installation, store):
    lines = list(demo_report.lines(installation.place, played))
    scored = store.read(SCORED[-1], horizon=5).sort("score", descending=True)
    begin = lines.index(f"\nTop 10 of {SCORED[-1]}, horizon 5 sessions") + 1
    assert [line.split()[1] for line in lines[begin : begin + 10]] == scored["code"].head(10).to_list()
    beside = [line.split() for line in lines if " attainable " in line]
    assert [words[:2] for words in beside] == [[f"{horizon}", "sessions"] for horizon in HORIZONS]
    page = Page(demo_report.write(installation.place, played).read_text())
    (report,) = page.framed
    assert (page.ill_formed, page.fetched, report.fetched) == ([], [], [])
    assert report.tags.count("svg") >= 8
    assert "script" not in page.tags + report.tags


def test_its_pages_are_drawn_by_a_browser_that_reaches_nothing(played, installation, tmp_path):
    place = installation.place
    demo_report.write(place, played)
    pages = {path.name: path for path in sorted(place.home.rglob("*.html")) if "airflow" not in path.parts}
    assert sorted(pages) == ["demo.html", "quality.html", "report.html", "tosho-lightgbm-v1.html"]  # one in MLflow
    for page in pages.values():
        seen = browser.look(page, tmp_path)
        assert seen.console == [], page
        assert seen.drawn > 0.05, page  # an empty page has 0


def test_nothing_listens_beyond_loopback(played, installation):
    assert listens_beyond_loopback(installation.processes) == []


def test_secrets_are_in_no_log(played, installation):
    state = installation.place.state()
    hidden = [state[name] for name in ("jwt_secret", "jquants_key", "password", "api_secret")]
    for log in installation.place.home.rglob("*.log"):
        text = log.read_text(errors="replace")
        assert not any(secret in text for secret in hidden), log


def test_a_run_for_a_day_that_is_no_session_fails_at_once(watch):
    with pytest.raises(RunFailedError, match=r"2024-12-31 \(Tuesday\) is no session"):
        watch.run("daily_predictions", "holiday", {"session": "2024-12-31"})


def backfill(installation, *more):
    command = [sys.executable, "-W", "ignore", "-m", "airflow", "backfill", "create", "--dag-id", "daily_predictions"]
    bounds = ["--from-date", FIRST.isoformat(), "--to-date", LAST.isoformat(), "--max-active-runs", "2"]
    done = subprocess.run(
        [*command, *bounds, *more], env=installation.place.variables(), check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def backfill_runs(api):
    answer = api._call("GET", "dags/daily_predictions/dagRuns?run_type=backfill&limit=100")
    return answer["dag_runs"]


def wait_until_done(api, installation, attempts_of, seconds=1800):
    """Return the runs when all have ended; a run takes more than a minute on a busy machine."""
    until, wanted = time.monotonic() + seconds, len(sessions(FIRST, LAST))
    while True:
        runs = backfill_runs(api)
        if len(runs) == wanted and all(run["state"] in ("success", "failed") for run in runs) and attempts_of(runs):
            return runs
        assert installation.processes.running("scheduler"), installation.processes._tail("scheduler")
        assert time.monotonic() < until, [(run["dag_run_id"], run["state"]) for run in runs]
        time.sleep(5)


def test_backfill_makes_one_run_a_session_and_running_it_again_leaves_the_same_rows(api, installation, store):
    backfill(installation)
    runs = wait_until_done(api, installation, lambda runs: True)
    assert sorted(run["logical_date"][:10] for run in runs) == [s.isoformat() for s in sessions(FIRST, LAST)]
    assert {run["state"] for run in runs} == {"success"}
    before = {s: (store.count(s), store.fingerprint(s)) for s in sessions(FIRST, LAST)}
    assert all(count >= 4 * 270 for count, _ in before.values())

    first_ends = {run["dag_run_id"]: run["end_date"] for run in runs}
    wait_until_backfill_is_closed(api)
    backfill(installation, "--reprocess-behavior", "completed")
    runs = wait_until_done(
        api, installation, lambda runs: all(run["end_date"] != first_ends[run["dag_run_id"]] for run in runs)
    )
    assert {run["state"] for run in runs} == {"success"}
    assert {s: (store.count(s), store.fingerprint(s)) for s in sessions(FIRST, LAST)} == before


def wait_until_backfill_is_closed(api, seconds=120):
    """Airflow notices about every 30 s that a backfill is complete; until then it takes no second one."""
    until = time.monotonic() + seconds
    while any(b["completed_at"] is None for b in api._call("GET", "backfills?dag_id=daily_predictions")["backfills"]):
        assert time.monotonic() < until
        time.sleep(2)


def test_a_container_and_a_server_leave_the_rows_of_a_process_and_the_embedded_store(
    watch, played, store, installation, real_services
):
    client, settings = real_services
    run_id, _ = watch.run("daily_predictions", "in docker", {"session": SCORED[-1].isoformat()})
    assert made_for(client, installation)[-1] == f"daily_predictions/{run_id}/score/-1"
    server = open_store(settings)
    assert server.count(SCORED[-1]) == store.count(SCORED[-1]) == played.rows[SCORED[-1]]
    assert server.fingerprint(SCORED[-1]) == store.fingerprint(SCORED[-1])


def test_a_run_marked_failed_leaves_no_container(api, real_services):
    client, _ = real_services
    run_id = api.trigger("weekly_training", {"session": LAST.isoformat()})
    until = time.monotonic() + 300
    while not client.containers():
        assert time.monotonic() < until, api.tasks("weekly_training", run_id)
        time.sleep(0.2)
    api.end_unfinished("weekly_training")  # what an operator does in the UI
    while client.containers(all=True):
        assert time.monotonic() < until, client.containers(all=True)
        time.sleep(0.2)
    assert api.run("weekly_training", run_id)["state"] == "failed"


def test_a_container_trains_as_a_process_does_and_none_is_left(watch, played, installation, real_services):
    client, _ = real_services
    conf = {"session": LAST.isoformat(), "truth": str(installation.place.home / "truth")}
    run_id, _ = watch.run("weekly_training", "in docker", conf)
    *_, first, second, third, last = made_for(client, installation)
    assert {first, second, third} == {f"weekly_training/{run_id}/fit/{fold}" for fold in range(3)}
    assert last == f"weekly_training/{run_id}/train/0"
    assert watch.api.result("weekly_training", run_id, "train", 0)["rank_ic"] == played.trained["rank_ic"]
    assert client.containers(all=True) == []


def made_for(client, installation):
    """Return the task instances of an installation that the daemon has made containers for, oldest first."""
    wanted = {"event": "create", "label": f"tosho.home={installation.place.home}"}
    made = client.events(since=0, until=int(time.time()) + 1, filters=wanted, decode=True)
    return [event["Actor"]["Attributes"][RUN] for event in made]


def test_stopping_leaves_no_process_behind(api, installation):
    family = [
        member.pid
        for name in installation.processes.names()
        if (process := installation.processes.running(name))
        for member in [process, *process.children(recursive=True)]
    ]
    installation.processes.stop_all()
    alive = [pid for pid in family if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]
    assert family
    assert alive == []
    assert os.getpid() not in family
