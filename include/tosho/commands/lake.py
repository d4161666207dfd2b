"""`tosho lake`: what is published, whether it is still what was published, and what was made from other data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from tosho.config import Settings

if TYPE_CHECKING:
    from tosho.storage import Lake, Looked

app = typer.Typer(no_args_is_help=True, help="Look at the lake, verify it, find what is stale or of no use.")
Table = Annotated[str, typer.Option("--table", help="One table; without it, all.")]
First = Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First session.")]
Last = Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last session.")]


@app.command("ls")
def list_tables(table: Annotated[str, typer.Argument(help="One table; without it, all.")] = "") -> None:
    """List the tables, or the sessions of one, with rows, quarantined rows and earlier versions."""
    lake = _lake()
    if table:
        for session in lake.sessions(_tables(lake, table)[0]):
            manifest = lake.manifest(table, session)
            versions = f"  {len(manifest.superseded)} earlier" if manifest.superseded else ""
            quarantined = sum(manifest.quarantined.values())
            typer.echo(f"{session}  {manifest.rows:>8,} rows  {quarantined:>6} quarantined{versions}")
        return
    for name in lake.tables():
        found = lake.sessions(name)
        span = f"{found[0]} .. {found[-1]}" if found else "-"
        typer.echo(f"{name:<12} {len(found):>6} sessions  {span}")


@app.command()
def versions(
    table: Annotated[str, typer.Argument(help="The table.")],
    session: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="The session.")],
) -> None:
    """List the versions of one partition, newest last, with the payloads that each was made from."""
    for version in _lake().manifest(table, session.date()).versions():
        data = version.file if version.kept else "only this record"
        typer.echo(f"{version.sha256[:16]}  {version.rows:>8,} rows  {version.size:>12,} bytes  {data}")
        for source in version.sources:
            typer.echo(f"    {source.fetched_at}  {source.sha256[:16]}  {source.request}")


@app.command()
def verify(table: Table = "", first: First = None, last: Last = None) -> None:
    """Check every partition against its manifest and contract, earlier versions too; exits with 1 when one differs.

    Files that no manifest names are listed. A killed task leaves such; they do no harm, and `sweep` removes them.
    """
    lake = _lake()
    checked = faults = orphans = 0
    for looked in _looked(lake, table, _day(first), _day(last)):
        checked += looked.manifest is not None or bool(looked.faults)
        faults += len(looked.faults)
        orphans += len(looked.orphans)
        for fault in looked.faults:
            typer.echo(fault, err=True)
        for orphan in looked.orphans:
            typer.echo(f"{orphan.path}: no manifest names it ({orphan.size:,} bytes).", err=True)
    if not checked:
        raise typer.BadParameter(
            f"{lake.files.root} has no partition{f' of table {table}' if table else ''} to verify."
        )
    typer.echo(f"{checked} partitions checked, {faults} faults.")
    if orphans:
        typer.echo(f"{orphans} files that no manifest names; `tosho lake sweep` removes them.")
    raise typer.Exit(1 if faults else 0)


@app.command()
def stale(first: First = None, last: Last = None) -> None:
    """List the sessions whose features were made from other data than is published now, and why.

    The Dag `history` with build `stale` makes them again.
    """
    from tosho.steps import rederive

    lake = _lake()
    found = rederive.reasons(lake, _day(first), _day(last))
    for session, why in found.items():
        typer.echo(f"{session}  {why}")
    typer.echo(f"{len(found)} of {len(lake.sessions('features', _day(first), _day(last)))} sessions are stale.")


@app.command()
def sweep(
    table: Table = "",
    hours: Annotated[
        float, typer.Option(min=0, help="Leave files younger than this: a task may still need them.")
    ] = 24,
    execute: Annotated[bool, typer.Option("--execute", help="Remove them; without it, only list.")] = False,  # noqa: FBT002
) -> None:
    """List, or remove, files that no manifest names, and data of earlier versions that is damaged or gone.

    It looks at everything as `verify` does. What is published is never touched.
    """
    from tosho.storage import sweep as remove

    lake, before = _lake(), datetime.now(UTC) - timedelta(hours=hours)
    files = size = 0
    for looked in _looked(lake, table, None, None):
        for version in looked.lost:
            typer.echo(f"{looked.path}: the data of version {version.sha256[:16]} is not what it was.")
        for orphan in (orphan for orphan in looked.orphans if orphan.written < before):
            typer.echo(f"{orphan.path}  {orphan.size:,} bytes")
            files, size = files + 1, size + orphan.size
        if execute:
            remove(lake, looked, before)
    done = "removed" if execute else "would go; `--execute` removes them"
    typer.echo(f"{files} files, {size:,} bytes {done}.")


def _lake() -> Lake:
    from tosho.storage import Lake

    return Lake.of(Settings.from_environment())


def _looked(lake: Lake, table: str, first: date | None, last: date | None) -> Iterator[Looked]:
    from tosho.observability.log import log_to_stderr
    from tosho.observability.progress import Progress
    from tosho.storage import look

    log_to_stderr()
    return look(lake, _tables(lake, table), first, last, Progress("folders checked"))


def _tables(lake: Lake, table: str) -> list[str]:
    known = lake.tables()
    if table and table not in known:
        raise typer.BadParameter(f"{lake.files.root} has no table {table}; it has {known}.")
    return [table] if table else known


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
