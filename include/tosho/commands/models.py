"""`tosho models`: which versions there are, why, and who is champion."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated

import typer

from tosho.config import Settings

if TYPE_CHECKING:
    from tosho.models.registry import Registered, Registry

app = typer.Typer(no_args_is_help=True, help="See the registered models, and decide who is champion.")
Name = Annotated[str, typer.Option("--model", help="The registered model.")]
Version = Annotated[str, typer.Argument(help="A version's number, or `champion` or `challenger`.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept with the version.")]
Who = Annotated[str, typer.Option(help="Who decides; the user of this process if left out.")]
Differ = Annotated[bool, typer.Option("--other-features", help="It may be fitted on other features.")]
DEFAULT = "tosho-lightgbm"


@app.command("list")
def list_models() -> None:
    """List every version of every registered model, the newest first."""
    from tosho.models.registry import CHALLENGER, CHAMPION

    found = _registry(DEFAULT).names()
    if not found:
        typer.echo("No model is registered. Run the weekly training first.")
    for name in found:
        registry = _registry(name)
        aliases = {alias: registry.find(alias) for alias in (CHAMPION, CHALLENGER)}
        for version in registry.versions():
            borne = [alias for alias, bearer in aliases.items() if bearer and bearer.version == version.version]
            typer.echo(_line(version, borne))


@app.command()
def show(version: Version = "champion", model: Name = DEFAULT) -> None:
    """Print what is known of a version: its tags, settings, figures, and the reasons of each decision."""
    from tosho.steps.succession import find

    registry = _registry(model)
    found = find(registry, version)
    typer.echo(f"{found.name} version {found.version}, run {found.run_id}")
    settings, figures = registry.logged(found)
    hidden = {"reasons", "name", "folds"}
    for name, value in sorted(found.tags.items()):
        if name not in hidden:
            typer.echo(f"  {name:<28} {value}")
    typer.echo("settings:")
    for name, setting in sorted(settings.items()):
        typer.echo(f"  {name:<28} {setting}")
    typer.echo("figures:")
    for name, figure in sorted(figures.items()):
        typer.echo(f"  {name:<28} {figure:.6g}")
    typer.echo("reasons:")
    for sentence in _reasons(found):
        typer.echo(f"  {sentence}")


@app.command()
def promote(
    version: Version, reason: Reason, who: Who = "", model: Name = DEFAULT, *, other_features: Differ = False
) -> None:
    """Make a version the champion, by hand."""
    from tosho.models.registry import Decided
    from tosho.steps import succession

    decided = Decided(who or getpass.getuser(), reason)
    found = succession.promote(_registry(model), version, decided, may_differ=other_features)
    typer.echo(f"{found.name} version {found.version} is the champion.")


@app.command()
def rollback(reason: Reason, who: Who = "", model: Name = DEFAULT, *, other_features: Differ = False) -> None:
    """Withdraw the champion: the newest former one serves again."""
    from tosho.models.registry import Decided
    from tosho.steps import succession

    decided = Decided(who or getpass.getuser(), reason)
    former, withdrawn = succession.roll_back(_registry(model), decided, may_differ=other_features)
    typer.echo(
        f"{former.name} version {former.version} is the champion again; version {withdrawn.version} is withdrawn."
    )


def _registry(model: str) -> Registry:
    from tosho.models.registry import Registry

    return Registry(Settings.from_environment(), model)


def _line(version: Registered, aliases: list[str]) -> str:
    from tosho.models.registry import PROMOTED, WITHDRAWN

    was = ["was champion"] if version.tags.get(PROMOTED) == "true" and "champion" not in aliases else []
    said = ", ".join([*aliases, *was, *(["withdrawn"] if WITHDRAWN in version.tags else [])])
    features, knew = version.tags.get("feature_set", "-"), version.tags.get("knew", "-")
    return f"{version.name:<20} {version.version:>4}  {features:<14} knew {knew:<10}  {said}".rstrip()


def _reasons(version: Registered) -> list[str]:
    from tosho.models.registry import decisions, reasons

    by_hand = [f"{made.when}, {made.who} {made.what}: {made.why}" for made in decisions(version)]
    return [*reasons(version), *by_hand] or ["none are recorded"]
