"""What every Dag of Tosho shares, and the only place where Airflow's words become Tosho's."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import Param, get_current_context, task

from container_operator import ContainerJobOperator

if TYPE_CHECKING:
    from tosho.config import Settings

PROJECT = Path(__file__).resolve().parent.parent

SPARK = "spark_default"

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

SESSION = Param(None, type=["null", "string"], format="date", title="Session", description="Empty: the run's own.")
CODES = Param(
    [],
    type="array",
    items={"type": "string", "pattern": "^[0-9A-Z]{4,5}$"},
    title="Codes",
    description="Fetch again only these codes, of 4 or 5 characters.",
)
FEATURE_SET = Param("core", type="string", enum=["core", "alpha158", "full", "standard"], title="Feature set")
MODEL = Param(
    "lightgbm",
    type="string",
    enum=["lightgbm", "linear", "double_ensemble", "ensemble", "atft"],
    title="Model",
    description="Which kind; each has a champion of its own.",
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


def container_job(task_id: str, command: list[Any]) -> ContainerJobOperator:
    """Return a task that runs a command line of `jobs/train` in the training image (or as a process)."""
    return ContainerJobOperator(task_id=task_id, command=command, settings=settings)


def parse(session: str) -> date:
    """Return the session that an ISO date names; tasks hand dates on as text."""
    return date.fromisoformat(session)
