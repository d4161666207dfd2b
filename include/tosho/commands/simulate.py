"""`tosho simulate`: a synthetic market, and J-Quants over any market."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tosho.observability.log import log_to_stderr

app = typer.Typer(no_args_is_help=True, help="Make a synthetic market; serve a market as J-Quants does.")


class Plan(StrEnum):
    """A plan of J-Quants."""

    FREE = "free"
    LIGHT = "light"
    STANDARD = "standard"
    PREMIUM = "premium"


class Planted(StrEnum):
    """A variant of the synthetic market: what is planted beside its signal."""

    PLAIN = "plain"
    NEIGHBOURS = "neighbours"
    REGIMES = "regimes"


@app.command()
def market(  # noqa: PLR0913 - as many options
    folder: Annotated[Path, typer.Argument(help="Where to write it.")],
    codes: Annotated[int, typer.Option(help="Stocks.")] = 4000,
    sessions: Annotated[int, typer.Option(help="Sessions.")] = 500,
    last: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The last session.")] = datetime(2025, 3, 31),  # noqa: DTZ001
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 7,
    variant: Annotated[Planted, typer.Option(help="What is planted beside the signal.")] = Planted.PLAIN,
) -> None:
    """Write a synthetic market with a planted, known signal."""
    from tosho.simulation.market import simulate
    from tosho.simulation.variants import Variant

    day, planted = date(last.year, last.month, last.day), Variant(variant.value)
    summary = simulate(folder, codes=codes, sessions=sessions, last=day, seed=seed, variant=planted)
    typer.echo(str(summary))


@app.command()
def serve(  # noqa: PLR0913 - as many options
    folder: Annotated[Path, typer.Argument(help="A market folder.", exists=True, file_okay=False)],
    port: Annotated[int, typer.Option(help="Port on loopback.")] = 8700,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    plan: Annotated[Plan, typer.Option(help="free, light, standard or premium.")] = Plan.LIGHT,
    rate: Annotated[int, typer.Option(help="Requests a minute; 0 for no limit.")] = 0,
    faults: Annotated[float, typer.Option(help="Share of requests with a fault that passes.", min=0, max=1)] = 0.0,
    fault_seed: Annotated[int, typer.Option(help="The same seed gives the same faults.")] = 0,
) -> None:
    """Serve a market as the J-Quants V2 API; the key is taken from TOSHO_JQUANTS_API_KEY."""
    import uvicorn

    from tosho.config import Settings
    from tosho.simulation.faults import Faults, with_faults
    from tosho.simulation.server import create_app

    log_to_stderr()
    key = Settings.from_environment().jquants.api_key
    if not key:
        raise typer.BadParameter("Set TOSHO_JQUANTS_API_KEY to the key that clients must send.")
    service = create_app(folder, api_key=key, plan=plan.value, rate_per_minute=rate or None)
    spoiled = with_faults(service, Faults(share=faults, seed=fault_seed))
    uvicorn.run(spoiled, host=host, port=port, log_level="warning", access_log=False)
