"""`tosho demo`: the main job on a market of one's own."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tosho.local.demo import Outcome, Plan
    from tosho.local.environment import Workplace
    from tosho.local.processes import Processes


def demo(
    market: Annotated[Path | None, typer.Option(help="A market folder; without it a synthetic market is made.")] = None,
    codes: Annotated[int, typer.Option(help="Stocks of the synthetic market.")] = 4000,
    sessions: Annotated[int, typer.Option(help="Sessions of the synthetic market.")] = 500,
) -> None:
    """Run history, training and three evenings of predictions as Airflow Dag runs, and show what came out.

    It can be interrupted at any moment and started again. What was ingested stays; features and models are made anew.
    """
    from tosho.local import airflow, interrupts
    from tosho.local.demo import Plan, only_one

    place, processes = airflow.here()
    began = time.monotonic()
    interrupts.heed()
    with only_one(place.home):
        _play(place, processes, Plan(codes, sessions, market), began)


def _play(place: Workplace, processes: Processes, plan: Plan, began: float) -> None:
    from tosho.local import demo_report
    from tosho.local.demo import Demo

    try:
        try:
            outcome = Demo(place, processes, plan, typer.echo).play()
            report = demo_report.write(place, outcome)
        finally:
            processes.stop_all()
    except KeyboardInterrupt:
        typer.echo("\nInterrupted. Nothing is lost: `make demo` goes on from what is done.", err=True)
        raise typer.Exit(130) from None
    _show(place, outcome, report, time.monotonic() - began)


def _show(place: Workplace, outcome: Outcome, report: Path, seconds: float) -> None:
    from tosho.local import demo_report

    for line in demo_report.lines(place, outcome):
        typer.echo(line)
    typer.echo(f"\nReport        {report}")
    typer.echo(f"Everything    {place.home}")
    typer.echo(f"Whole demo    {seconds:.0f} s, at most {outcome.peak / 2**30:.1f} GiB in all processes")
    typer.echo(f"Look around   `{_look_around(place)}` starts the UI with these runs and prints address and login")


def _look_around(place: Workplace) -> str:
    usual = place.home == place.project / ".tosho"
    return (
        "make airflow"
        if usual
        else f"make airflow HOME_FOLDER={shlex.quote(os.path.relpath(place.home, place.project))}"
    )
