"""`tosho features leaks`: does any feature of a set know what comes later, or what it should not look at?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tosho.evaluation.leaks import Market
    from tosho.features.plan import Plan

CODES, SESSIONS = 50, 880
"""The market that is made on the spot; the longest lookback is 799 sessions."""


def leaks(  # noqa: PLR0913 - one option each
    feature_set: Annotated[str, typer.Option("--set", help="The feature set.")] = "standard",
    lake: Annotated[
        str, typer.Option(help="URI of a lake to judge on, `file:///...`; without it, a made-up one.")
    ] = "",
    first: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The lake's first.")] = None,
    last: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The lake's last.")] = None,
    codes: Annotated[int, typer.Option(min=30, help="Codes to judge on.")] = CODES,
    seed: Annotated[int, typer.Option(help="Of the made-up market: the same seed, the same market.")] = 7,
    output: Annotated[
        Path | None, typer.Option(help="Folder for the reports; `leaks` of the home if left out.")
    ] = None,
) -> None:
    """Ask every feature whether it leaks, on a market, and look for planted leaks; exits with 1 on any finding.

    What each check finds is printed as it ends; a JSON file and a page tell all of it.
    """
    from tosho.config import Settings
    from tosho.evaluation.leaks import HEAD, judge, line, render, to_json
    from tosho.features.plan import plan
    from tosho.features.sets import feature_set as found

    wanted = found(feature_set)
    passes = plan(wanted)
    where = f"the lake {lake}" if lake else f"a made-up market, seed {seed}"
    market = _of_lake(lake, passes, _day(first), _day(last), codes) if lake else _made_up(passes, codes, seed)
    typer.echo(
        f"Set {feature_set}, {len(wanted.names)} features, on {where}: {len(market.codes)} codes, "
        f"{len(market.sessions)} sessions from {market.sessions[0]} to {market.sessions[-1]}.\n{HEAD}"
    )
    outcome = judge(market, passes, f"set {feature_set} on {where}", lambda answer: typer.echo(line(answer)))
    folder = output or Path(Settings.from_environment().home) / "leaks"
    folder.mkdir(parents=True, exist_ok=True)
    for ending, text in (("json", to_json(outcome)), ("html", render(outcome))):
        (folder / f"{feature_set}.{ending}").write_text(text, encoding="utf-8")
    if outcome.unjudged:
        typer.echo(f"{len(outcome.unjudged)} features could not be judged on this market; the page says why.")
    typer.echo(f"{folder / feature_set}.html")
    for sentence in outcome.sentences():
        typer.echo(sentence, err=True)
    raise typer.Exit(0 if outcome.passed else 1)


def _made_up(passes: Plan, codes: int, seed: int) -> Market:
    from tosho.evaluation.leaks import market_of, tables_of
    from tosho.simulation.contracted import contracted
    from tosho.simulation.market import simulate

    with TemporaryDirectory(prefix="tosho-") as folder:
        simulate(Path(folder), codes=codes, sessions=SESSIONS, seed=seed)
        return market_of(contracted(Path(folder), tables_of(passes)), passes)


def _of_lake(uri: str, passes: Plan, first: date | None, last: date | None, codes: int) -> Market:
    from tosho.evaluation.leaks import MarketTooSmallError, read_market
    from tosho.storage import Files, Lake

    lake = Lake(Files(uri))
    sessions = lake.sessions("bars", first, last)
    if not sessions:
        raise MarketTooSmallError(f"{uri} has no bars of the sessions asked for. Ask for a range that it holds.")
    sessions = sessions if first else sessions[-SESSIONS:]
    return read_market(lake, passes, sessions, _spread(lake.read("bars", sessions[-1])["code"].to_list(), codes))


def _spread(codes: Sequence[str], count: int) -> list[str]:
    """Return so many codes, evenly spread over the list."""
    return list(codes[:: max(len(codes) // count, 1)][:count])


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
