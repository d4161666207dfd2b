"""A training run beside the models that are registered already, its own champion and those of other kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from tosho.dataset.samples import Samples
from tosho.evaluation.candidate_files import FILES, of_files
from tosho.evaluation.comparison import Candidate, Comparison
from tosho.evaluation.ic import DailyIC, daily_ic
from tosho.evaluation.performance import Books
from tosho.models.ensemble import EnsembleForecaster
from tosho.models.registry import CHALLENGER, CHAMPION, LIGHTGBM, Registered, Registry
from tosho.models.walk import Walked, predicted, stacked
from tosho.observability.log import logger
from tosho.steps.trial import Trial

log = logger(__name__)

OURS = "this run"


class _Rivals(NamedTuple):
    """The models that can be set beside a run, and of those that cannot be why."""

    candidates: dict[str, Candidate]
    notes: list[str]


def compared(
    registry: Registry,
    ours: Mapping[str, Candidate],
    title: str,
    subtitle: str,
    ablations: Mapping[str, DailyIC] | None = None,
) -> Comparison | None:
    """Return the run's models beside those that are registered; None where there is but one model, and it is whole.

    Of each kind the champion is taken, or the newest version where there is none yet. LightGBM comes first: it is what
    the others have to beat. A version from before its results were kept, or one that shares too few sessions with the
    run, is left out, and a note says so.

    Args:
        registry: That of the run's own kind.
        ours: The models that the run tested, by name, all on the same sessions.
        title: Of the page.
        subtitle: On which market and sessions.
        ablations: What the model `OURS` is without one of its blocks, by what is left out.
    """
    rivals = _rivals(registry, next(iter(ours.values())))
    candidates = {**rivals.candidates, **ours}
    for note in rivals.notes:
        log.info("%s", note)
    if len(candidates) < 2 and not ablations:  # noqa: PLR2004 - a comparison takes two
        return None
    return Comparison(title, subtitle, candidates, OURS, ablations or {}, rivals.notes)


def members(samples: Samples, result: Trial) -> Iterator[tuple[str, Trial]]:
    """Yield each member of an ensemble with what it says alone of the sessions that the ensemble was tested on.

    Args:
        samples: The rows of the run.
        result: The ensemble's trial; any other model has no members.
    """
    models = [part.model for part in result.parts if isinstance(part.model, EnsembleForecaster)]
    for at, member in enumerate(models[0].members if models else ()):
        parts = tuple(
            Walked(part.fold, one, *predicted(one, samples, part.fold.test.first, part.fold.test.last))
            for part, one in zip(result.parts, (model.members[at] for model in models), strict=True)
        )
        tested, scores = stacked(parts)
        yield member.kind, Trial(parts, tested, scores, daily_ic(scores, tested), ())


def _rivals(registry: Registry, ours: Candidate) -> _Rivals:
    found, sessions = _Rivals({}, []), set(ours.daily.sessions)
    for version in _registered(registry):
        name = f"{version.name} {version.version}"
        if missing := set(FILES) - registry.artefacts(version):
            found.notes.append(
                f"{name} is left out: it was registered before results were kept ({', '.join(sorted(missing))})."
            )
            continue
        kept = of_files({name: registry.artefact(version, name) for name in FILES})
        if not (common := sessions & set(kept.daily.sessions)):
            found.notes.append(f"{name} is left out: it was tested on none of the sessions that the others share.")
            continue
        sessions = common
        if kept.books.trading.parts != ours.books.trading.parts:
            found.notes.append(f"The books of {name} hold one of {kept.books.trading.parts} parts of its scores.")
        found.candidates[name] = replace(kept, books=_at_the_same_cost(kept.books, ours.books))
    return found


def _registered(registry: Registry) -> Iterator[Registered]:
    """Yield of each kind the version that is set beside the run: LightGBM's first."""
    for name in sorted(registry.names(), key=lambda name: (name != LIGHTGBM, name)):
        of_kind = replace(registry, name=name)
        if found := of_kind.find(CHAMPION) or of_kind.find(CHALLENGER):
            yield found


def _at_the_same_cost(theirs: Books, ours: Books) -> Books:
    trading = replace(ours.trading, parts=theirs.trading.parts)
    return replace(theirs, trading=trading, trials=ours.trials)
