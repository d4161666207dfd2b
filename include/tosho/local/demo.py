"""The demo: a market, the whole chain over it as Dag runs, and what came out."""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from tosho.calendar import sessions
from tosho.local import airflow, image, market
from tosho.local.airflow import AirflowApi
from tosho.local.environment import Workplace
from tosho.local.market import Market
from tosho.local.processes import Processes
from tosho.local.watch import TaskTime, Watch
from tosho.simulation.market import simulate

SCORED = 3
"""How many sessions at the market's end are predicted one by one, as the evening runs would."""

DAGS = ("history", "weekly_training", "daily_predictions")


class AlreadyRunningError(RuntimeError):
    """Another demo works in the same home."""


@contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold a home for one demo: two would end each other's runs.

    Raises:
        AlreadyRunningError: Another one holds it.
    """
    home.mkdir(parents=True, exist_ok=True)
    with (home / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunningError(f"Another demo runs in {home}. Wait for it, or end it with Ctrl-C.") from error
        yield


@dataclass(frozen=True)
class Plan:
    """What a demo does: `codes` and `sessions` size the synthetic market, `folder` names another one."""

    codes: int = 4000
    sessions: int = 500
    folder: Path | None = None


@dataclass
class Outcome:
    """What a demo measured."""

    market: Market
    stages: dict[str, float] = field(default_factory=dict)  # seconds of wall time
    daily: dict[date, list[TaskTime]] = field(default_factory=dict)
    trained: dict[str, Any] = field(default_factory=dict)
    rows: dict[date, int] = field(default_factory=dict)
    peak: int = 0

    def seconds_of(self, session: date) -> float:
        """Return the seconds of a daily run from trigger to rows in the store."""
        return sum(task.waited + task.ran for task in self.daily[session])


@dataclass
class Demo:
    """One demo in progress. Each method is a stage; `say` receives what a person should read."""

    place: Workplace
    processes: Processes
    plan: Plan
    say: Callable[[str], None]

    def play(self) -> Outcome:
        """Run every stage and return what was measured.

        Raises:
            RunFailedError: A Dag run failed; the message ends with its log.
        """
        outcome = Outcome(self._timed("market", self._market))
        began = time.monotonic()
        image.ensure(self.place, self.place.settings().containers, self.say)
        self._start_services()
        outcome.stages["services"] = time.monotonic() - began
        watch = Watch(AirflowApi(self.place), self.processes, self.say, self.place.progress)
        self._clear_the_way(watch.api)
        scored = self._scored(outcome.market)
        self._history(watch, outcome, scored)
        self._training(watch, outcome, scored)
        for session in scored:
            self._daily(watch, outcome, session)
        outcome.peak = watch.peak
        return outcome

    def _timed(self, stage: str, work: Callable[[], Market]) -> Market:
        began = time.monotonic()
        made = work()
        self.say(f"{stage}: {made.codes:,} codes, {made.first} to {made.last}, {made.rows:,} rows")
        self.say(f"  {time.monotonic() - began:6.1f} s  {made.folder}")
        return made

    def _market(self) -> Market:
        if self.plan.folder:
            return market.measure(self.plan.folder.resolve())
        folder = self.place.home / f"market-{self.plan.codes}x{self.plan.sessions}"
        if not (folder / "truth.json").exists():  # written last: a market that was interrupted is made again
            simulate(folder, codes=self.plan.codes, sessions=self.plan.sessions)
        return market.measure(folder)

    def _start_services(self) -> None:
        self.say("services: the simulated J-Quants, Airflow's api-server, scheduler and dag-processor")
        market.serve(self.place, self.processes, self.plan.folder or self._market().folder)
        airflow.start(self.place, self.processes)

    def _clear_the_way(self, api: AirflowApi) -> None:
        for dag_id in DAGS:
            api.wait_for_dag(dag_id)
            api.end_unfinished(dag_id)  # of a demo that was interrupted
            api.unpause(dag_id)

    def _scored(self, found: Market) -> list[date]:
        return sessions(found.first, found.last)[-SCORED:]

    def _history(self, watch: Watch, outcome: Outcome, scored: list[date]) -> None:
        before = sessions(outcome.market.first, scored[0])[-2]
        self.say(f"history: {outcome.market.first} to {before}")
        conf: dict[str, object] = {"first": outcome.market.first.isoformat(), "last": before.isoformat()}
        self._stage(watch, outcome, "history", conf)

    def _training(self, watch: Watch, outcome: Outcome, scored: list[date]) -> None:
        before = sessions(outcome.market.first, scored[0])[-2]
        self.say(f"weekly_training: up to {before}")
        conf: dict[str, object] = {"session": before.isoformat(), "truth": self._truth(outcome.market.folder)}
        run_id = self._stage(watch, outcome, "weekly_training", conf)
        outcome.trained = watch.api.result("weekly_training", run_id, "train", 0)

    def _truth(self, folder: Path) -> str | None:
        """Return a folder with a synthetic market's known signal, within the home, where containers see it."""
        if not (folder / "truth.json").exists():
            return None
        within = self.place.home / "truth"
        within.mkdir(exist_ok=True)
        for known in folder.glob("truth.*"):
            shutil.copyfile(known, within / known.name)
        return str(within)

    def _daily(self, watch: Watch, outcome: Outcome, session: date) -> None:
        self.say(f"daily_predictions: {session}")
        run_id, table = watch.run("daily_predictions", str(session), {"session": session.isoformat()})
        outcome.daily[session] = table
        outcome.rows[session] = int(watch.api.result("daily_predictions", run_id, "load")["rows"])
        outcome.stages[f"daily_predictions {session}"] = outcome.seconds_of(session)

    def _stage(self, watch: Watch, outcome: Outcome, dag_id: str, conf: dict[str, object]) -> str:
        began = time.monotonic()
        run_id, _ = watch.run(dag_id, dag_id, conf)
        outcome.stages[dag_id] = time.monotonic() - began
        return run_id
