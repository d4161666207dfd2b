"""# Training

Runs after the last session of each week (holidays considered), or by hand.

1. `session_of_run`: the last session that training may know.
2. `training_range`: from the first session with features, or the one asked for.
3. `dataset`: Spark joins features, labels and listings of the range, and writes them as arrays that every container
   of the run maps into memory: what each would otherwise have read from Parquet.
4. `folds_of_run`: which folds purged walk-forward makes of that, for each of the kinds asked for (`models_of_run`).
5. `tune`: with `trials`, a search for settings for each kind that has one (`searched_of_run`); one that was killed goes
   on where it was.
6. `fit`: each fold of each kind in a container, with GPUs where they are configured, in the pool
   `TOSHO_TRAINING_POOL`: a model for each horizon, and what it says of sessions that it has not seen. A fold that is
   finished is not fitted again, and a network that was killed goes on from its checkpoint.
7. `train`: what follows runs for each kind, and a fold that failed is tried once more and fails its kind alone. In a
   container, too: out-of-sample rank IC of all folds, null tests, the final model; it goes to MLflow, and becomes
   champion only if it earned it. The log gives the reasons. With `ablations` a kind that is made of blocks (atft) also
   walks the folds without each of them, and the comparison tells what each adds.
8. `question`: with `approval` switched on, what a person has to know of a model that earned it; else skipped, with all
   that follows.
9. `approval`: waits for a person's yes or no (Required Actions) for five days; no answer is a no. An answer within a
   second or two of the question may be lost to a race of Airflow's; then the next try asks again.
10. `promote_or_keep`: the model becomes champion, or the champion stays. Who decided, why and when is kept.
"""

from __future__ import annotations

from airflow.sdk import Param, dag, get_current_context, task, task_group

import dag_defaults as house
from tse_timetable import TseWeeklyTimetable


@task(multiple_outputs=True)
def training_range(session: str) -> dict:
    from tosho.steps import sessions

    first = get_current_context()["params"]["first"]
    return house.run_step(sessions.training_range, house.settings(), first, house.parse(session))


@task
def folds_of_run(asked: dict, dataset: str) -> list[dict]:
    from tosho.steps import folds

    params = get_current_context()["params"]
    bounds = house.parse(asked["first"]), house.parse(asked["last"])
    told = house.run_step(folds.of_run, house.settings_of_run(), *bounds, params["models"], dataset=dataset)
    return told["folds"]


@task
def models_of_run(folds: list[dict]) -> list[str]:
    return list(dict.fromkeys(fold["model"] for fold in folds))


@task
def searched_of_run() -> list[str]:
    params = get_current_context()["params"]
    return [model for model in params["models"] if params["trials"] and model in house.SEARCHED]


@task(multiple_outputs=True, map_index_template=house.NAMED_MODEL)
def question(trained: dict) -> dict:
    from airflow.sdk.exceptions import AirflowSkipException

    from tosho.steps import approval

    if not trained["awaits_approval"]:
        raise AirflowSkipException(f"Nobody is asked. {' '.join(trained['reasons'])}")
    return house.run_step(approval.question, trained)


@task(map_index_template=house.NAMED_MODEL)
def promote_or_keep(trained: dict, approved: dict) -> dict:
    from tosho.steps import approval

    decided, is_approved = house.answer_of(approved)
    return house.run_step(approval.settle, house.settings_of_run(), trained, decided, is_approved=is_approved)


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
        "models": house.MODELS,
        "final_blocks": Param(
            0,
            type="integer",
            minimum=0,
            maximum=10,
            title="Blocks of the final check",
            description="0: no check. 6 fit 15 models more, each tested on two blocks.",
        ),
        "trials": Param(
            0,
            type="integer",
            minimum=0,
            maximum=500,
            title="Settings to try",
            description="0: none, each kind is trained as it comes. lightgbm and atft have settings to search.",
        ),
        "ablations": Param(
            False,
            type="boolean",
            title="Ablations",
            description="Of atft: also train it without FAN, GAT, VSN and the direct path, each in turn.",
        ),
        "approval": Param(
            False,
            type="boolean",
            title="Approval",
            description="A model that earned promotion waits for a person's yes.",
        ),
    },
    doc_md=__doc__,
    tags=["tosho"],
)
def weekly_training() -> None:
    asked = training_range(house.session_of_run())
    among = ["--first", asked["first"], "--last", asked["last"], "--set", "{{ params.feature_set }}"]
    dataset = house.spark_job("dataset", "build_dataset.py", [*among, "--as", "rows", "--name", house.DATASET])
    folds = folds_of_run(asked, house.DATASET)
    among += ["--dataset", house.DATASET]
    tuned = ["{{ '--tuned' if params.trials else '--no-tuned' }}"]
    checks = ["--truth", "{{ params.truth or '' }}", "--final-blocks", "{{ params.final_blocks }}"]
    without = ["{{ '--ablate' if params.ablations and params.models[ti.map_index] == 'atft' else '--no-ablate' }}"]
    decides = ["--decides", "{{ 'person' if params.approval else 'figures' }}"]

    @task_group(prefix_group_id=False)
    def each_search(model: str) -> None:
        command = ["tune.py", "--model", model, *among, "--trials", "{{ params.trials }}"]
        house.training_job("tune", command, "{{ task.command[2] }}")

    @task_group(prefix_group_id=False)
    def each_fold(model: str, fold: int) -> None:
        command = ["fit.py", "--model", model, "--fold", fold, *among, *tuned]
        house.training_job("fit", command, "{{ task.command[2] }} {{ task.command[4] }}", **house.EACH_FOR_ITSELF)

    @task_group(prefix_group_id=False)
    def each_model(model: str) -> None:
        command = ["train.py", "--model", model, *among, *tuned, *checks, *without, *decides]
        trained = house.training_job("train", command, "{{ task.command[2] }}", **house.EACH_FOR_ITSELF).output
        told = question(trained)
        approved = house.approval("approval", told["subject"], told["body"], map_index_template="{{ task.subject }}")
        promote_or_keep(trained, approved.output)

    dataset >> folds
    searched = each_search.expand(model=searched_of_run())
    dataset >> searched >> each_fold.expand_kwargs(folds) >> each_model.expand(model=models_of_run(folds))


weekly_training()
