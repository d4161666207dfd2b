"""The kinds of models that a run is started with: what the form offers is what the jobs take."""

import pytest

from tosho.models.kinds import KINDS


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
    command = training.get_task("train").command
    assert command[:2] == ["train.py", "--model"]
    (mapped_over,) = {operator.task_id for operator, _ in command[2].iter_references()}
    assert mapped_over == "models_of_run"


@pytest.mark.parametrize("models", [[], ["linear", "linear"], ["oracle"], "linear"])
def test_no_model_twice_the_same_or_an_unknown_one_is_refused_by_the_form(dags, models):
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dags["weekly_training"].params.get_param("models").resolve(models)
