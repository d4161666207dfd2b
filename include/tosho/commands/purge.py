"""`tosho purge`: what a vendor's terms demand when a subscription ends."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from tosho.config import Settings

if TYPE_CHECKING:
    from tosho.storage.purge import Part


class Vendor(StrEnum):
    """Whose data the lake holds."""

    JQUANTS = "jquants"


def purge(
    source: Annotated[Vendor, typer.Option(help="Whose data goes.")],  # noqa: ARG001 - there is one vendor; asked so that it is said
    derived: Annotated[bool, typer.Option("--derived", help="The lake's predictions go too.")] = False,  # noqa: FBT002
    execute: Annotated[bool, typer.Option("--execute", "--yes", help="Delete; without it, only list.")] = False,  # noqa: FBT002
) -> None:
    """Delete all data of a vendor from the lake; without --execute it is listed and nothing is deleted.

    J-Quants' terms: its data must be deleted when the subscription ends or is downgraded. What goes: payloads as
    fetched, every table made of them, their quarantine and earlier versions, the reports on them; and features
    and labels, because they are the vendor's prices in another form, from which these could be had again.

    What stays: predictions, because they are this project's own statements and hold none of the vendor's values
    (--derived deletes those in the lake too). What lies outside of the lake is named and never touched, and is yours to
    delete: the store of predictions; the models, each with a sample of 64 rows of features that it checks itself with;
    reports, logs and the rows that trainings have mapped (`datasets`: all of their features) under TOSHO_HOME. A bucket
    with versioning keeps what is deleted: expire its old versions yourself.

    Pause the Dags before. Interrupted, run it again: it goes on from what is left.
    """
    from tosho.observability.log import log_to_stderr
    from tosho.observability.progress import Progress
    from tosho.storage import Lake, layout
    from tosho.storage import purge as storage

    settings = Settings.from_environment()
    lake = Lake.of(settings)
    found = storage.parts(lake)
    going = storage.of_vendor(found, ()) if derived else storage.of_vendor(found)
    _list(f"Lake {lake.files.root}:", going)
    _list("Stays in the lake (--derived deletes it too):", [part for part in found if part not in going])
    typer.echo(
        f"Not in the lake, never touched: predictions in {_store(settings)}, models (with samples of "
        f"features) in {settings.mlflow}, reports, logs and mapped rows of features (datasets) in {settings.home}."
    )
    if other := sorted({*lake.files.names("")} - {*layout.AREAS}):
        typer.echo(f"Not the lake's, never touched: {', '.join(other)} in {lake.files.root}.")
    if not execute:
        typer.echo("Nothing was deleted: `--execute` deletes what the first list names.")
        return
    log_to_stderr()
    storage.purge(lake, going, Progress("parts purged"))
    typer.echo(f"{sum(part.files for part in going):,} files deleted.")


def _list(title: str, parts: Sequence[Part]) -> None:
    if not parts:
        return
    typer.echo(title)
    for part in parts:
        typer.echo(f"  {part.path:<40} {part.files:>9,} files {part.size:>16,} bytes")
    typer.echo(f"  {'together':<40} {sum(p.files for p in parts):>9,} files {sum(p.size for p in parts):>16,} bytes")


def _store(settings: Settings) -> str:
    store = settings.store
    return store.uri if store.kind == "embedded" else f"{store.host}:{store.port}"
