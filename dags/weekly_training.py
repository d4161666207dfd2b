"""# Training

Runs after the last session of each week (holidays considered), or by hand.

1. `session_of_run`: the last session that training may know.
2. `training_range`: from the first session with features, or the one asked for.
3. `train`: in a container: labels, purged walk-forward folds, a model for each horizon, out-of-sample rank IC,
   null tests; the model goes to MLflow, and becomes champion only if it earned it. The log gives the reasons.
"""

from __future__ import annotations

from airflow.sdk import Param, dag, get_current_context, task

import dag_defaults as house
from tse_timetable import TseWeeklyTimetable


@task(multiple_outputs=True)
def training_range(session: str) -> dict:
    from tosho.steps import sessions

    first = get_current_context()["params"]["first"]
    return house.run_step(sessions.training_range, house.settings(), first, house.parse(session))


@dag(
    schedule=TseWeeklyTimetable(at="19:30"),
    catchup=False,
    max_active_runs=1,
    end_date=house.END_DATE,
    default_args=house.DEFAULT_ARGS,
    params={
        "session": house.SESSION,
        "first": Param(None, type=["null", "string"], format="date", title="First session", description="Empty: all."),
        "truth": Param(None, type=["null", "string"], title="Truth", description="Folder of a synthetic market."),
        "feature_set": house.FEATURE_SET,
        "model": house.MODEL,
        "final_blocks": Param(
            0,
            type="integer",
            minimum=0,
            maximum=10,
            title="Blocks of the final check",
            description="0: no check. 6 fit 15 models more, each tested on two blocks.",
        ),
    },
    doc_md=__doc__,
    tags=["tosho"],
)
def weekly_training() -> None:
    asked = training_range(house.session_of_run())
    truth = "{{ params.truth or '' }}"
    features = "{{ params.feature_set }}"
    bounds = ["--first", asked["first"], "--last", asked["last"]]
    chosen = ["--model", "{{ params.model }}", "--final-blocks", "{{ params.final_blocks }}"]
    house.container_job("train", ["train.py", *bounds, "--truth", truth, "--set", features, *chosen])


weekly_training()
