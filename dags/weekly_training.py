"""# Training

Runs after the last session of each week (holidays considered), or by hand.

1. `session_of_run`: the last session that training may know.
2. `train`: in a container: labels, purged walk-forward folds, LightGBM for each horizon, out-of-sample rank IC,
   null tests; the model goes to MLflow, and becomes champion only if it earned it.
3. `report`: says what was decided, and why.
"""

from __future__ import annotations

from airflow.sdk import Param, dag, task

import dag_defaults as house
from tse_timetable import TseWeeklyTimetable


@task
def report(trained: dict) -> dict:
    from tosho.steps import training

    return training.summarise(trained)


@dag(
    schedule=TseWeeklyTimetable(at="19:30"),
    catchup=False,
    max_active_runs=1,
    default_args=house.DEFAULT_ARGS,
    params={
        "session": house.SESSION,
        "first": Param(None, type=["null", "string"], format="date", title="First session", description="Empty: all."),
        "feature_set": house.FEATURE_SET,
    },
    doc_md=__doc__,
    tags=["tosho"],
)
def weekly_training() -> None:
    session = house.session_of_run()
    first = "{{ params.first or '' }}"
    trained = house.container_job("train", ["train_lightgbm.py", "--first", first, "--last", session])
    report(trained.output)


weekly_training()
