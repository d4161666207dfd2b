"""What every Dag of Tosho shares, and the only place where Airflow's words become Tosho's."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param, get_current_context, task

from container_operator import ContainerJobOperator

if TYPE_CHECKING:
    from tosho.config import Settings
    from tosho.models.registry import Decided

PROJECT = Path(__file__).resolve().parent.parent

SPARK = "spark_default"
NAMED_MODEL = "{{ task.op_args[0].model }}"
"""The name of an instance of a mapped task whose first argument is a training run in short."""

APPROVE, REJECT = "Approve", "Reject"
ANSWER_WITHIN = timedelta(days=5)
"""A person's time to approve; a run that waits holds up the next one of its Dag, which comes after a week."""

DEFAULT_ARGS = {
    "owner": "tosho",
    "retries": 2,
    "retry_delay": timedelta(seconds=20),
    "execution_timeout": timedelta(hours=6),  # a task that hangs would hold every following evening
}
"""A task that fails twice more in a minute is not a passing fault. What asking again cannot mend fails at once."""

SCHEDULE_UNTIL = os.environ.get("TOSHO_SCHEDULE_UNTIL")
END_DATE = datetime.fromisoformat(SCHEDULE_UNTIL).replace(tzinfo=UTC) if SCHEDULE_UNTIL else None
"""Where a simulated market ends, so does the schedule. A real installation leaves the variable unset."""

JQUANTS_POOL = os.environ.get("TOSHO_JQUANTS_POOL", "default_pool")
"""Of the tasks that ask J-Quants. Those of one machine keep the key's pace together; those of several need a pool of
one slot, which has to exist, and in which an evening then waits for a history to end.
"""

TRAINING_POOL = os.environ.get("TOSHO_TRAINING_POOL", "default_pool")
"""Of the tasks that train. With GPUs a pool of their size, which has to exist: a training more would share one."""

EACH_FOR_ITSELF = {"trigger_rule": "all_done"}
"""Of mapped tasks that others are mapped before: where one of a kind failed, other kinds go on, and what needs it makes
it again, or fails with its sentence.
"""

SESSION = Param(None, type=["null", "string"], format="date", title="Session", description="Empty: the run's own.")
CODES = Param(
    [],
    type="array",
    items={"type": "string", "pattern": "^[0-9A-Z]{4,5}$"},
    title="Codes",
    description="Fetch again only these codes, of 4 or 5 characters.",
)
FEATURE_SET = Param("core", type="string", enum=["core", "alpha158", "full", "standard"], title="Feature set")
DATASET = "training-{{ params.feature_set }}"
"""The rows that a training maps, of which there are those of the newest training."""

KINDS = ["lightgbm", "linear", "double_ensemble", "ensemble", "atft"]
SEARCHED = ["lightgbm", "atft"]
"""Kinds whose settings can be searched."""
MODEL = Param(
    "lightgbm",
    type="string",
    enum=KINDS,
    title="Model",
    description="Which kind; each has a champion of its own.",
)
MODELS = Param(
    ["lightgbm"],
    type="array",
    items={"type": "string", "enum": KINDS},
    examples=KINDS,  # what the form offers to choose from
    minItems=1,
    uniqueItems=True,
    title="Models",
    description="Which kinds, each in a container of its own; each has a champion of its own.",
)


def settings() -> Settings:
    """Return the installation's settings: the environment, overruled by the Airflow connections that exist."""
    from connection_settings import with_connections
    from tosho.config import Settings

    return with_connections(Settings.from_environment())


def settings_of_run() -> Settings:
    """Return the settings with the feature set that the run was started with."""
    from dataclasses import replace

    return replace(settings(), feature_set=get_current_context()["params"]["feature_set"])


@task(retries=0)
def session_of_run() -> str:
    """Return the session that a run is for, as an ISO date.

    The parameter `session` comes first; else a logical date of exactly 00:00 UTC, which must be a session's open; else
    the data interval, which the timetable begins at one; else (triggered without a logical date) the newest session
    whose cutoff has passed.

    Raises:
        AirflowFailException: The day asked for is no session of the exchange; the sentence names its neighbours.
    """
    from airflow.sdk.exceptions import AirflowFailException

    from tosho.calendar import NotASessionError
    from tosho.steps import sessions

    context = get_current_context()
    asked, run = context["params"].get("session"), context["dag_run"]
    try:
        return sessions.resolve(asked, run.logical_date, run.data_interval_start, run.run_after).isoformat()
    except (NotASessionError, ValueError) as error:
        raise AirflowFailException(str(error)) from error


def run_step(step: Any, *arguments: Any, **named: Any) -> dict[str, Any]:  # noqa: ANN401 - any step of tosho
    """Run a step. What another try cannot mend (a failed gate, a wrong key, a broken contract) fails at once."""
    from airflow.sdk.exceptions import AirflowFailException

    try:
        return dict(step(*arguments, **named))
    except ValueError as error:  # gates, contracts, sessions, settings, refusals: none of them passes by itself
        raise AirflowFailException(f"{type(error).__name__}: {error}") from error


class SparkJob(SparkSubmitOperator):
    """A Spark submission whose settings, secrets among them, reach the job as environment and only at run time."""

    def execute(self, context: Any) -> str | None:  # noqa: ANN401 - Airflow's own type
        """Submit the job and wait for it."""
        import sys

        from airflow.sdk.exceptions import AirflowFailException

        from tosho.config.java import NoJavaError, java

        try:
            java()
        except NoJavaError as error:
            raise AirflowFailException(f"{error} Then clear the task.") from error
        own = {"PYTHONPATH": str(PROJECT / "include"), "PYSPARK_PYTHON": sys.executable}
        self.env_vars = {**settings().to_environment(), **own}
        self._run_here_by_default()
        return super().execute(context)

    def _run_here_by_default(self) -> None:
        """Take this machine where nobody has defined `spark_default`: the provider would ask a YARN for it."""
        from connection_settings import find
        from tosho.config.connections import THIS_MACHINE

        if find(SPARK) is None:
            self.log.info("Connection %s is not defined: Spark runs on this machine, %s.", SPARK, THIS_MACHINE["host"])
            os.environ[f"AIRFLOW_CONN_{SPARK.upper()}"] = json.dumps(THIS_MACHINE)


def spark_job(task_id: str, application: str, arguments: list[Any]) -> SparkJob:
    """Return a task that submits `jobs/spark/<application>` through the connection `spark_default`."""
    return SparkJob(
        task_id=task_id,
        application=str(PROJECT / "jobs" / "spark" / application),
        application_args=arguments,
        conn_id=SPARK,
        conf={"spark.ui.enabled": "false", "spark.log.level": "WARN"},
        driver_memory="2g",
        verbose=False,
    )


def container_job(task_id: str, command: list[Any], **options: Any) -> ContainerJobOperator:  # noqa: ANN401 - Airflow's
    """Return a task that runs a command line of `jobs/train` in the training image (or as a process)."""
    return ContainerJobOperator(task_id=task_id, command=command, settings=settings, **options)


def training_job(task_id: str, command: list[Any], named: str, **options: Any) -> ContainerJobOperator:  # noqa: ANN401
    """Return a task that runs a part of a training in its pool. `named` is the name of its instances, a template."""
    return container_job(task_id, command, pool=TRAINING_POOL, map_index_template=named, **options)


def approval(task_id: str, subject: Any, body: Any, **options: Any) -> HITLOperator:  # noqa: ANN401 - Airflow's
    """Return a task that waits for a person's yes or no, and for their reason; `answer_of` reads what it hands on.

    `ApprovalOperator` would skip what follows a no, which here has to be kept like a yes.
    """
    return HITLOperator(
        task_id=task_id,
        subject=subject,
        body=body,
        options=[APPROVE, REJECT],
        defaults=REJECT,
        params={"why": Param("", type="string", title="Why", description="Kept with the model.")},
        execution_timeout=None,  # the operator would take that of all tasks for the time to answer in
        response_timeout=ANSWER_WITHIN,
        **options,
    )


def answer_of(approved: dict[str, Any]) -> tuple[Decided, bool]:
    """Return who answered, why and when, and whether the answer was yes."""
    from tosho.models.registry import Decided

    (chosen,), when = approved["chosen_options"], approved["responded_at"].isoformat()
    if not approved["responded_by_user"]:
        return Decided("nobody", f"There was no answer within {ANSWER_WITHIN.days} days.", when=when), False
    why = approved["params_input"].get("why", "").strip()
    who = approved["responded_by_user"]["name"]
    return Decided(who, why or f"{chosen}; no reason was given.", when=when), chosen == APPROVE


def parse(session: str) -> date:
    """Return the session that an ISO date names; tasks hand dates on as text."""
    return date.fromisoformat(session)
