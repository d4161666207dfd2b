"""Markets and lakes that are measured on: made once, by the simulation and ingest, and kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import polars as pl

from bench.ingest.service import serving
from bench.meter import work
from tosho.config import JQuants, Settings
from tosho.ingest import JQuantsClient, ingest_history
from tosho.ingest.plans import PLANS, Terms
from tosho.storage import Lake
from tosho.storage.layout import MONTHS

KEY = "bench"
MADE = ("features", "labels", "predictions", "realised")
"""Tables that measured work makes; a view begins without them."""
NEEDS = {"core": "light", "alpha158": "light", "full": "light", "standard": "standard"}
"""The plan whose tables a feature set is made of."""


@dataclass(frozen=True)
class Place:
    """A folder with a market, its lake, and what is made from it."""

    home: Path

    @property
    def market(self) -> Path:
        """The simulated market."""
        return self.home / "market"

    @property
    def lake(self) -> Path:
        """The lake's root."""
        return self.home / "lake"

    @property
    def results(self) -> Path:
        """What was measured here so far, by name."""
        return self.home / "measured"

    def has(self, plan: str) -> bool:
        """Tell whether the lake was made whole, with the tables of a plan."""
        made = self.home / "lake.json"
        return made.exists() and plan in json.loads(made.read_text())["plans"]

    def made(self, plan: str) -> None:
        """Note that the lake has the tables of a plan."""
        path = self.home / "lake.json"
        before = json.loads(path.read_text())["plans"] if path.exists() else []
        path.write_text(json.dumps({"plans": sorted({*before, plan, "light"})}) + "\n")

    def view(self, name: str) -> Settings:
        """Return an installation whose lake has this one's tables, as links, and nothing made of them yet.

        But for months in one file: the first run makes them, and the others find them, as every evening but the first.
        """
        home = self.view_home(name)
        shutil.rmtree(home, ignore_errors=True)
        tables = home / "lake/tables"
        tables.mkdir(parents=True)
        for table in (self.lake / "tables").iterdir():
            if table.name not in MADE:
                (tables / table.name).symlink_to(table.resolve(), target_is_directory=True)
        (self.lake / MONTHS).mkdir(exist_ok=True)
        (home / "lake" / MONTHS).symlink_to((self.lake / MONTHS).resolve(), target_is_directory=True)
        return self.settings(name)

    def settings(self, name: str) -> Settings:
        """Return the installation of a view that is there."""
        return settings(self.view_home(name))

    def view_home(self, name: str) -> Path:
        """Return the folder of a view."""
        return self.home / "made" / name


def settings(home: Path) -> Settings:
    """Return the settings of an installation in a folder."""
    return Settings.from_environment({"TOSHO_HOME": str(home), "TOSHO_JQUANTS_API_KEY": KEY})


class _Narrow(JQuantsClient):
    """A client with the years of one plan and the tables of another."""

    narrow = "light"

    @property
    def terms(self) -> Terms:
        """What may be asked for."""
        return replace(PLANS["premium"], endpoints=PLANS[self.narrow].endpoints, half_day_blocks=False)  # type: ignore[index]


def market(home: Path, codes: int, sessions: int) -> dict[str, float]:
    """Make the synthetic market; returns what it cost and the rows of its bars."""
    from tosho.simulation.market import simulate

    place = Place(home)
    shutil.rmtree(place.lake, ignore_errors=True)  # of another market
    with work() as done:
        simulate(place.market, codes=codes, sessions=sessions)
    rows = pl.scan_parquet(place.market / "bars.parquet").select(pl.len()).collect().item()
    return {**done.told, "rows": rows}


def ingest(home: Path, plan: str) -> dict[str, float]:
    """Take the tables of a plan in over HTTP, by bulk files, without a limit of requests."""
    place = Place(home)
    first, last = _bounds(place.market)
    lake = Lake.of(settings(home))
    with serving(place.market, "premium") as url, _Narrow(JQuants(url, KEY, "premium")) as client, work() as done:
        client.narrow = plan
        report = ingest_history(first, last, lake, client, lambda *_: None)
    place.made(plan)
    rows = sum(told["rows"] for told in report["tables"].values())
    return {**done.told, "rows": rows, "tables": len([1 for told in report["tables"].values() if told["rows"]])}


def plan_of(sets: Sequence[str]) -> str:
    """Return the smallest plan that has what some feature sets are made of."""
    return "standard" if "standard" in {NEEDS[name] for name in sets} else "light"


def _bounds(market: Path) -> tuple[date, date]:
    days = pl.col("Date")
    first, last = pl.scan_parquet(market / "bars.parquet").select(days.min(), days.max().alias("last")).collect().row(0)
    return first, last
