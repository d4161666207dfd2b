import os
import subprocess
import sys
from ast import literal_eval
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jinja2 import Environment

from dags.catalogue import FILES, catalogue
from tosho.models.registry import Decided

PROJECT = Path(__file__).parents[2]
HEAVY = ("polars", "torch", "pyspark", "mlflow", "pandas", "lightgbm", "exchange_calendars", "chdb")


def test_every_dag_file_holds_the_dag_of_its_name(dags):
    assert sorted(dags) == sorted(FILES)


@pytest.mark.parametrize(
    ("dag_id", "tasks"),
    [
        (
            "daily_predictions",
            ["session_of_run", "ingest", "check_data", "build_features", "check_features", "score", "load"],
        ),
        ("history", ["range_of_run", "ingest", "check_data", "build_features", "check_features"]),
        (
            "weekly_training",
            [
                "session_of_run",
                "training_range",
                "dataset",
                "folds_of_run",
                "searched_of_run",
                "tune",
                "fit",
                "models_of_run",
                "train",
                "question",
                "approval",
                "promote_or_keep",
            ],
        ),
    ],
)
def test_the_steps_stand_in_the_order_of_the_docstring(dags, dag_id, tasks):
    dag = dags[dag_id]
    assert [task.task_id for task in dag.topological_sort()] == tasks
    assert dag.doc_md.startswith("# ")


def test_the_trigger_form_offers_the_parameters(dags):
    assert {"session", "codes", "feature_set"} <= set(dags["daily_predictions"].params)
    assert {"first", "last", "feature_set", "build"} <= set(dags["history"].params)
    assert {"session", "first", "models", "final_blocks", "trials", "approval"} <= set(dags["weekly_training"].params)


def test_a_weekly_training_has_no_final_check_and_no_search_unless_they_are_asked_for(dags):
    params = dags["weekly_training"].params
    assert (params["final_blocks"], params["trials"]) == (0, 0)
    command = dags["weekly_training"].get_task("train").command
    assert command[command.index("--final-blocks") + 1] == "{{ params.final_blocks }}"


@pytest.mark.parametrize("trials", [0, 20])
def test_a_search_comes_before_the_folds_and_both_they_and_the_rest_train_with_what_it_found(dags, trials):
    dag, given = dags["weekly_training"], {"params": {"trials": trials}}
    tune, fit, train = (dag.get_task(name) for name in ("tune", "fit", "train"))
    assert tune.render_template(tune.command[tune.command.index("--trials") + 1], given) == str(trials)
    assert ("tune" in fit.upstream_task_ids, "fit" in train.upstream_task_ids) == (True, True)
    for task in (fit, train):
        said = [task.render_template(each, given) for each in task.command if "tuned" in str(each)]
        assert said == ["--tuned" if trials else "--no-tuned"]


def test_folds_and_models_go_on_where_another_kind_s_failed(dags):
    rules = {name: dags["weekly_training"].get_task(name).trigger_rule for name in ("tune", "fit", "train")}
    assert rules == {"tune": "all_success", "fit": "all_done", "train": "all_done"}


@pytest.mark.parametrize(("approval", "decides"), [(True, "person"), (False, "figures")])
def test_who_decides_is_said_to_the_job(dags, approval, decides):
    command = dags["weekly_training"].get_task("train").command
    said = Environment(autoescape=False).from_string(command[command.index("--decides") + 1])
    assert said.render(params={"approval": approval}) == decides
    assert dags["weekly_training"].params["approval"] is False


def test_an_approval_has_its_own_time_and_no_answer_is_a_no(dags):
    asked = dags["weekly_training"].get_task("approval")
    assert (asked.execution_timeout, asked.defaults) == (None, ["Reject"])
    assert asked.response_timeout < timedelta(days=7)


@pytest.mark.parametrize(
    ("by", "chosen", "given", "who", "why", "is_approved"),
    [
        ({"id": "1", "name": "Ken"}, "Approve", {"why": " Fine. "}, "Ken", "Fine.", True),
        ({"id": "1", "name": "Ken"}, "Reject", {}, "Ken", "Reject; no reason was given.", False),
        (None, "Reject", {"why": ""}, "nobody", "There was no answer within 5 days.", False),
    ],
)
def test_an_answer_tells_who_why_and_when(airflow_home, by, chosen, given, who, why, is_approved):
    import dag_defaults

    when = datetime(2025, 1, 6, 9, tzinfo=UTC)
    answer = {"chosen_options": [chosen], "params_input": given, "responded_at": when, "responded_by_user": by}
    decided = Decided(who, why, when="2025-01-06T09:00:00+00:00")
    assert dag_defaults.answer_of(answer) == (decided, is_approved)


def test_history_builds_all_features_or_the_stale_ones(dags):
    """What the form offers is what the job takes."""
    build = dags["history"].params.get_param("build")
    assert (build.value, build.schema["enum"]) == ("all", ["all", "stale"])
    arguments = dags["history"].get_task("build_features").application_args
    assert arguments[-2:] == ["--only", "{{ params.build }}"]


def test_a_repair_builds_what_depends_on_it_and_an_evening_its_own_session(dags):
    arguments = dags["daily_predictions"].get_task("build_features").application_args
    only = Environment(autoescape=False).from_string(arguments[arguments.index("--only") + 1])
    repairs = ({"session": "2018-11-14", "codes": []}, {"session": None, "codes": ["13010"]})
    assert [only.render(params=params) for params in repairs] == ["dependent"] * 2
    assert only.render(params={"session": None, "codes": []}) == "all"


def test_schedules_are_the_exchange_s(dags):
    assert dags["daily_predictions"].timetable.summary == "Every TSE session, 18:30 JST"
    assert "week" in dags["weekly_training"].timetable.summary.lower()


@pytest.mark.parametrize("name", FILES)
def test_parsing_a_dag_imports_nothing_heavy(airflow_home, name):
    """Airflow itself is imported before: what it brings is not the Dag file's doing."""
    code = (
        "import sys, airflow.sdk, airflow.providers.apache.spark.operators.spark_submit,"
        "airflow.providers.docker.operators.docker, airflow.timetables.base, airflow.plugins_manager\n"
        f"before = set(sys.modules)\nimport {name}\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules and m not in before])"
    )
    path = f"{PROJECT / 'dags'}:{PROJECT / 'plugins'}:{PROJECT / 'include'}"
    environment = {"PYTHONPATH": path, "AIRFLOW_HOME": str(airflow_home), "PATH": "/usr/bin:/bin"}
    told = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"


def test_the_catalogue_is_fresh():
    assert (PROJECT / "dags" / "README.md").read_text() == catalogue(), "run `make docs`"


JQUANTS = [("daily_predictions", "ingest"), ("history", "ingest")]
TRAINING = [("weekly_training", task) for task in ("fit", "train", "tune")]


@pytest.mark.parametrize(("variable", "asking"), [("TOSHO_JQUANTS_POOL", JQUANTS), ("TOSHO_TRAINING_POOL", TRAINING)])
@pytest.mark.parametrize("pool", ["default_pool", "own"])
def test_what_asks_jquants_and_what_trains_are_each_in_their_pool_and_nothing_else(
    airflow_home, variable, asking, pool
):
    code = (
        "from airflow.dag_processing.dagbag import DagBag\n"
        f"dags = DagBag(dag_folder={str(PROJECT / 'dags')!r}).dags.values()\n"
        f"print([(t.dag_id, t.task_id) for d in dags for t in d.tasks if t.pool == {pool!r}])"
    )
    given = {} if pool == "default_pool" else {variable: pool}
    environment = {**os.environ, **given, "PYTHONPATH": ":".join(str(PROJECT / at) for at in ("dags", "plugins"))}
    command = [sys.executable, "-c", code]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    found = literal_eval(told.strip().splitlines()[-1])
    assert sorted(found) == asking if given else set(asking) <= set(found)
