"""Runs what is asked for at one place, part after part, and keeps what each cost."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench import alpha158, growth
from bench.lakes import Place, plan_of
from bench.machine import commit
from bench.meter import PartFailedError, measured
from bench.results import Entry, Results
from tosho.features.pieces.worker import WORKER


@dataclass
class Run:
    """What is asked for."""

    place: Place
    codes: int
    sessions: int
    sets: tuple[str, ...]
    cores: int
    beside: tuple[str, ...] = ()
    beside_codes: int = 200
    repeats: int = 1
    turns: int = 1
    failed: list[str] = field(default_factory=list)
    _turned: dict[str, list[Entry]] = field(default_factory=dict)

    @property
    def results(self) -> Results:
        """Where it is kept."""
        return Results(self.place.results)

    def lake(self) -> None:
        """Make the market and the lake, unless they are there."""
        self._make_lake(self.place, self.codes, self.sessions, plan_of(self.sets), keep=True)

    def local(self) -> None:
        """Build the history of each set with the local engine; then write the same table again: the floor.

        Both by turns, of which the shortest of each counts: a machine's memory, disk and neighbours make either longer
        by a tenth or more, and never shorter.
        """
        for name in self.sets:
            for _ in range(self.turns):
                done = self._measure(f"local/{name}", "local", shortest="work_s", name=name, cores=self.cores)
                done = done and self._measure(f"floor/{name}", "floor", shortest="floor_s", name=name, cores=self.cores)
                self._drop(self.place, f"local-{name}")
                if not done:
                    break

    def spark(self) -> None:
        """Build the history of each set with Spark on this machine."""
        self._by_spark("spark")

    def standalone(self) -> None:
        """Build the history of each set with a cluster of two workers."""
        self._by_spark("standalone")

    def session(self) -> None:
        """Build one session of each set with each engine; of several times the median counts."""
        for name in self.sets:
            for engine in ("local", "spark", "standalone"):
                self._measure(
                    f"session/{engine}/{name}", f"session_{engine}", times=self.repeats, name=name, cores=self.cores
                )
            self._drop(self.place, f"session-{name}")

    def alpha158(self) -> None:
        """Compute Alpha158 in memory, and beside it with the others that were asked for."""
        one = dict(WORKER)  # as the engines set it for their workers
        self._measure("alpha158/bars", "alpha158_bars", codes=self.beside_codes)
        for own in ("production", "as_qlib"):
            self._measure(f"alpha158/{own}", f"alpha158_{own}", environment=one)
        for name in self.beside:
            for key, command in alpha158.commands_of(name, self.place.home, self.place.home.parent).items():
                self._keep(f"alpha158/{key}", command, one)

    def growth(self) -> None:
        """Build the history of the last set asked for, of smaller markets, with the local engine."""
        name = self.sets[-1]
        self.results.forget("growth")
        for axis, sizes in growth.sizes(self.codes, self.sessions).items():
            for codes, sessions in sizes:
                place = Place(self.place.home.parent / f"{codes}x{sessions}")
                key = f"growth/{axis}/{codes}x{sessions}"
                try:
                    self._make_lake(place, codes, sessions, plan_of((name,)), keep=False)
                except PartFailedError as error:
                    self._failed(key, error)
                else:
                    self._measure(key, "local", place=place, name=name, cores=self.cores)
                    self._drop(place, f"local-{name}")

    def chain(self) -> None:
        """Train, score and load, from features that are built first."""
        done = self._measure("chain/features", "chain_features", cores=self.cores)
        for part in ("train", "score", "load"):
            done = done and self._measure(f"chain/{part}", part)
        self._drop(self.place, "chain")

    def _by_spark(self, engine: str) -> None:
        for name in self.sets:
            self._measure(f"{engine}/{name}", engine, name=name, cores=self.cores)
            self._drop(self.place, f"spark-{name}")

    def _make_lake(self, place: Place, codes: int, sessions: int, plan: str, *, keep: bool) -> None:
        """Make what is missing of a lake. `keep` tells whether its cost is a result.

        Raises:
            PartFailedError: It could not be made; nothing can be measured.
        """
        if place.has(plan):
            return
        steps: list[tuple[str, dict[str, Any]]] = [("ingest", {"plan": plan})]
        if not (place.market / "truth.json").exists():
            steps.insert(0, ("market", {"codes": codes, "sessions": sessions}))
        for part, arguments in steps:
            entry = measured(_command(part, place, arguments), place.home.with_suffix(".scratch"), {})
            self._told(f"{part} {place.home.name}", entry)
            if keep:
                self.results.put(f"lake/{part}", _stamped(entry))
        shutil.rmtree(place.home.with_suffix(".scratch"))

    def _measure(  # noqa: PLR0913
        self,
        key: str,
        part: str,
        *,
        place: Place | None = None,
        environment: dict[str, str] | None = None,
        times: int = 1,
        shortest: str | None = None,
        **arguments: str | int,
    ) -> bool:
        """Measure a part and tell whether it ended well.

        Of so many times the middle one by wall is kept or, of all of this run, the one that is `shortest` by a figure.
        """
        command = _command(part, place or self.place, arguments)
        return self._keep(key, command, environment or {}, times, arguments.get("name"), shortest)

    def _keep(  # noqa: PLR0913
        self,
        key: str,
        command: list[str],
        environment: dict[str, str],
        times: int = 1,
        of: str | int | None = None,
        shortest: str | None = None,
    ) -> bool:
        scratch = self.place.home / "scratch"
        os.sync()  # what the part before wrote is not this one's to wait for
        try:
            found = [measured(command, scratch, environment) for _ in range(times)]
        except PartFailedError as error:
            return self._failed(key, error)
        if shortest:
            found = self._turned[key] = [*self._turned.get(key, []), *found]
            entry = min(found, key=lambda entry: float(entry[shortest]))
            entry = entry | {"peak_mib": max(entry["peak_mib"] for entry in found)}
            entry |= {f"each_{shortest}": [entry[shortest] for entry in found]} if found[1:] else {}
            if len({entry.get("digest") for entry in found}) > 1:
                return self._failed(key, PartFailedError(f"{key}: two turns wrote different bytes; see {scratch}."))
        else:
            entry = sorted(found, key=lambda entry: entry["wall_s"])[(times - 1) // 2]
            entry |= {"walls_s": [entry["wall_s"] for entry in found]} if times > 1 else {}
        entry |= {"set": of} if of else {}
        self.results.put(key, _stamped(entry))
        self._told(key, entry)
        return True

    def _failed(self, key: str, error: PartFailedError) -> bool:
        self.failed.append(key)
        self.results.put(key, _stamped({"failed": str(error)}))
        self._told(key, {"failed": str(error).splitlines()[-1]})
        return False

    def _drop(self, place: Place, view: str) -> None:
        shutil.rmtree(place.view_home(view), ignore_errors=True)

    def _told(self, key: str, entry: Entry) -> None:
        sys.stdout.write(f"{key:<32} {json.dumps(entry)}\n")
        sys.stdout.flush()


def clean(place: Place) -> None:
    """Remove what measuring left beside the lake."""
    for name in ("scratch", "cluster", "made"):
        shutil.rmtree(place.home / name, ignore_errors=True)


def _command(part: str, place: Place, arguments: Iterable[Any]) -> list[str]:
    given = json.dumps({"home": str(place.home), **dict(arguments)})
    return [sys.executable, "-W", "ignore", "-m", "bench.parts", part, given]


def _stamped(entry: Entry) -> Entry:
    return {**entry, "at": datetime.now(UTC).isoformat(timespec="milliseconds"), "commit": commit()}
