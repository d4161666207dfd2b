"""The kind of model that a run is started with: what the form offers is what the jobs take."""

import pytest

from tosho.models.kinds import KINDS

JOBS = {"weekly_training": ("train", "train.py"), "daily_predictions": ("score", "score.py")}


@pytest.mark.parametrize("dag_id", JOBS)
def test_the_form_offers_every_kind_and_the_job_gets_it(dags, dag_id):
    asked = dags[dag_id].params.get_param("model")
    assert (asked.value, asked.schema["enum"]) == ("lightgbm", list(KINDS))
    task, script = JOBS[dag_id]
    command = dags[dag_id].get_task(task).command
    assert command[0] == script
    assert command[command.index("--model") + 1] == "{{ params.model }}"
