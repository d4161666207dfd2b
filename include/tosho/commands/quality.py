"""`tosho lake report`: what came in for a session and what the gates find, on a page."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from tosho.config import Settings


def report(
    session: Annotated[datetime, typer.Option("--session", formats=["%Y-%m-%d"], help="The session.")],
) -> None:
    """Judge a session again as it is in the lake now, write its page, and print where that is; nothing is stopped."""
    from tosho.quality import stopping
    from tosho.steps.gates import judge_data, report_data
    from tosho.storage import Lake

    lake = Lake.of(Settings.from_environment())
    verdicts = judge_data(lake, session.date())
    failed = [verdict for verdict in verdicts if not verdict.passed]
    for verdict in failed:
        typer.echo(f"{'stops' if verdict.stops else 'warning'}: {verdict}", err=True)
    stops = len(stopping(verdicts))
    typer.echo(f"{len(verdicts)} gates asked, {stops} that stop a run, {len(failed) - stops} warnings.", err=True)
    typer.echo(report_data(lake, session.date(), verdicts))
