"""The kinds of models that a run is started with: what the form offers is what the jobs take."""

from types import SimpleNamespace

import pytest

from tosho.models.base import Ablatable
from tosho.models.kinds import KINDS, learner
from tosho.models.search import SEARCHED


def test_an_evening_scores_with_one_kind_and_its_job_gets_it(dags):
    asked = dags["daily_predictions"].params.get_param("model")
    assert (asked.value, asked.schema["enum"]) == ("lightgbm", list(KINDS))
    command = dags["daily_predictions"].get_task("score").command
    assert command[0] == "score.py"
    assert command[command.index("--model") + 1] == "{{ params.model }}"


def test_a_training_takes_several_kinds_and_a_job_gets_one_of_them(dags):
    training = dags["weekly_training"]
    asked = training.params.get_param("models")
    assert (asked.value, asked.schema["items"]["enum"]) == (["lightgbm"], list(KINDS))
    assert asked.schema["examples"] == list(KINDS)
    for task, job, before in (
        ("tune", "tune.py", "searched_of_run"),
        ("fit", "fit.py", "folds_of_run"),
        ("train", "train.py", "models_of_run"),
    ):
        command = training.get_task(task).command
        assert command[:2] == [job, "--model"]
        (mapped_over,) = {operator.task_id for operator, _ in command[2].iter_references()}
        assert mapped_over == before


def test_the_kinds_that_are_searched_are_those_that_have_something_to_search(airflow_home):
    import dag_defaults

    assert tuple(dag_defaults.SEARCHED) == SEARCHED


@pytest.mark.parametrize("models", [[], ["linear", "linear"], ["oracle"], "linear"])
def test_no_model_twice_the_same_or_an_unknown_one_is_refused_by_the_form(dags, models):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dags["weekly_training"].params.get_param("models").resolve(models)


@pytest.mark.parametrize("ablations", [True, False])
def test_ablations_reach_the_jobs_of_the_kinds_that_are_made_of_blocks_and_no_other(dags, ablations):
    train = dags["weekly_training"].get_task("train")
    params = {**dags["weekly_training"].params, "models": list(KINDS), "ablations": ablations}

    def rendered(place):
        given = {"params": params, "ti": SimpleNamespace(map_index=place)}
        return [train.render_template(said, given) for said in train.command if isinstance(said, str)]

    told = {kind: {"--ablate", "--no-ablate"}.intersection(rendered(place)) for place, kind in enumerate(KINDS)}
    made_of_blocks = {kind for kind in KINDS if isinstance(learner(kind), Ablatable)}
    asked = made_of_blocks if ablations else set()
    assert made_of_blocks
    assert told == {kind: {"--ablate" if kind in asked else "--no-ablate"} for kind in KINDS}


def test_a_weekly_training_has_no_ablations_unless_they_are_asked_for(dags):
    asked = dags["weekly_training"].params.get_param("ablations")
    assert (asked.value, asked.schema["type"]) == (False, "boolean")
    assert asked.schema["title"]
    assert "atft" in asked.description
