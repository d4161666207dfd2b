"""A search for settings that outlives its process: an Optuna study in a file of its own, held by one at a time.

A trial's settings are drawn with a seed of its own, made of how many have finished before: a study that was stopped,
or killed in the middle of a trial, goes on with the very trials that it would have made in one go.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution
from optuna.pruners import MedianPruner
from optuna.samplers import TPESampler
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, Trial, TrialState

from tosho.models.search import Value

_FINISHED = (TrialState.COMPLETE, TrialState.PRUNED)
_ASKED = "asked"
_SEED = 1
_UNPRUNED = 5  # trials of which nothing is cut short, so that there is a median to be below of


class StudyBusyError(BlockingIOError):
    """Another process is at work on the study."""


class NothingFoundError(LookupError):
    """No trial of a study came to its end."""


class Study:
    """Trials, their settings and their scores; the higher the better."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study

    @property
    def trials(self) -> list[FrozenTrial]:
        """Those that have finished, pruned ones among them, in the order in which they began."""
        return self._study.get_trials(deepcopy=False, states=_FINISHED)

    @property
    def pruned(self) -> int:
        """How many were given up early."""
        return sum(trial.state is TrialState.PRUNED for trial in self.trials)

    @property
    def asked(self) -> int:
        """How many trials were last asked for, in all; 0 where none were."""
        return int(self._study.user_attrs.get(_ASKED, 0))

    @property
    def best(self) -> FrozenTrial:
        """The trial with the highest score.

        Raises:
            NothingFoundError: None came to its end.
        """
        if not self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
            raise NothingFoundError(
                f"None of the {len(self.trials)} trials of study {self._study.study_name} came to its end, the first "
                "with the settings as they come. The log says why each was given up; mend those settings first."
            )
        return self._study.best_trial

    def ask_for(self, trials: int) -> None:
        """Take note of how many trials make the study complete."""
        self._study.set_user_attr(_ASKED, trials)

    def begin(self, space: Mapping[str, BaseDistribution], first: Mapping[str, Value]) -> Trial:
        """Return the next trial, drawn from the space; the first one has the settings given."""
        finished = len(self.trials)
        if not finished:
            self._study.enqueue_trial(dict(first))
        self._study.sampler = TPESampler(seed=_SEED + finished)
        return self._study.ask(dict(space))

    def end(self, trial: Trial, score: float) -> None:
        """Keep a trial's score."""
        self._study.tell(trial, score)

    def give_up(self, trial: Trial) -> None:
        """Keep that a trial was not worth its time."""
        self._study.tell(trial, state=TrialState.PRUNED)


@contextmanager
def held(path: Path) -> Iterator[Study]:
    """Hold the study of a file, which is made if it is not there. Trials of a process that was killed count as failed.

    Raises:
        StudyBusyError: Another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _locked(path, fcntl.LOCK_EX), _stored(path) as storage:
        yield Study(_opened(path.stem, storage))


@contextmanager
def seen(path: Path) -> Iterator[Study]:
    """Look at the study of a file, which is there. Others may look at the same time, and nobody is at work on it.

    Raises:
        StudyBusyError: Another process holds it.
    """
    with _locked(path, fcntl.LOCK_SH), _stored(path) as storage:
        yield Study(optuna.load_study(study_name=path.stem, storage=storage))


@contextmanager
def _locked(path: Path, how: int) -> Iterator[None]:
    with path.with_suffix(".lock").open("a") as lock:
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)  # the kernel lets go of it when its holder dies
        except BlockingIOError as error:
            raise StudyBusyError(
                f"Study {path.stem} was asked for, and another process is at work on it. Wait until that has ended."
            ) from error
        yield


@contextmanager
def _stored(path: Path) -> Iterator[RDBStorage]:
    _speak_through_us()
    storage = RDBStorage(f"sqlite:///{path}")
    try:
        yield storage
    finally:
        storage.engine.dispose()


def _opened(name: str, storage: RDBStorage) -> optuna.Study:
    pruner = MedianPruner(n_startup_trials=_UNPRUNED)
    study = optuna.create_study(
        study_name=name, storage=storage, direction="maximize", pruner=pruner, load_if_exists=True
    )
    left = study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING))
    for trial in left:  # nobody is at work on them: the lock is ours
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)  # noqa: SLF001 - `tell` takes no waiting one
    return study


def _speak_through_us() -> None:
    """Leave Optuna's warnings to our handlers, and its own announcements out: a tuning tells of each trial itself."""
    optuna.logging.disable_default_handler()
    optuna.logging.enable_propagation()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
