"""Finished folds, kept on disk: a run that was killed, or another process of the same run, goes on from them."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import numpy as np

from tosho.config import caches
from tosho.dataset.cross_section import Float64s
from tosho.dataset.samples import Samples
from tosho.dataset.splits import Fold
from tosho.models import kinds
from tosho.models.base import Learner, Progress
from tosho.models.walk import Walked, walk
from tosho.observability.log import logger

log = logger(__name__)

MANIFEST, SCORES = "fold.json", "scores.npy"


class NotTheFoldError(ValueError):
    """What lies in the place of a finished fold is none that can be used here."""


@dataclass(frozen=True)
class Shelf:
    """The finished folds of runs over one range: each in a folder that is named after all that it is made of.

    That is the data, the kind and all settings, the fold's spans, and the program itself, so that a fault that was
    mended is not found again.

    Args:
        folder: Where they lie.
        data: A checksum of the rows that are learnt from and scored.
    """

    folder: Path
    data: str

    def walk(self, learner: Learner, samples: Samples, folds: Sequence[Fold], progress: Progress) -> Iterator[Walked]:
        """Yield what `models.walk.walk` does, to the same bits: a finished fold is read, any other is fitted and kept.

        Raises:
            NotFittableError: There is nothing to learn from in a fold.
        """
        for fold in folds:
            yield self.find(learner, samples, fold) or self.fit(learner, samples, fold, progress)

    def fit(self, learner: Learner, samples: Samples, fold: Fold, progress: Progress) -> Walked:
        """Return a fold that is fitted and tested now, and kept from here on.

        Raises:
            NotFittableError: There is nothing to learn from.
        """
        (part,) = walk(learner, samples, [fold], progress)
        self._keep(learner, part)
        return part

    def has(self, learner: Learner, fold: Fold) -> bool:
        """Return whether there is a finished fold; only `find` tells whether it can be used."""
        return self._place(learner, fold).is_dir()

    def find(self, learner: Learner, samples: Samples, fold: Fold) -> Walked | None:
        """Return a finished fold; None where it is not finished, or cannot be used here any more: the log says why."""
        place = self._place(learner, fold)
        if not place.is_dir():
            return None
        try:
            found = _read(place, learner.kind, samples, fold)
        except NotTheFoldError as error:
            log.warning("Fold %d is fitted anew: %s", fold.number, error)
            return None
        log.info("Fold %d of kind %s is finished already: %s.", fold.number, learner.kind, place)
        return found

    def sweep(self) -> None:
        """Remove the checkpoints of this run, which is over, and all that runs over other data have left."""
        for left in self.folder.parent.glob("*"):
            if left != self.folder:
                shutil.rmtree(left, ignore_errors=True)
        for checkpoint in self.folder.glob("*.pt"):
            checkpoint.unlink(missing_ok=True)

    def _keep(self, learner: Learner, part: Walked) -> None:
        """Write a fold, whole or not at all."""
        place = self._place(learner, part.fold)
        unfinished = place.with_suffix(f".{uuid.uuid4().hex}.tmp")
        unfinished.mkdir(parents=True)
        try:
            _write(unfinished, part)
            shutil.rmtree(place, ignore_errors=True)  # one that cannot be used
            unfinished.rename(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)

    def _place(self, learner: Learner, fold: Fold) -> Path:
        made_of = json.dumps([learner.settings(), *fold], sort_keys=True, default=str)
        return self.folder / f"fold-{fold.number}-{caches.digest(self.data, learner.kind, made_of, self._program)}"

    @cached_property
    def _program(self) -> str:
        return caches.digest(*caches.sources("tosho.dataset"), *caches.sources("tosho.models"))


def _write(folder: Path, part: Walked) -> None:
    buffer = io.BytesIO()
    np.save(buffer, part.scores)
    files = {**part.model.to_files(), SCORES: buffer.getvalue()}
    for name, data in files.items():
        (folder / name).write_bytes(data)
    content = {
        "libraries": {name: version(name) for name in part.model.libraries},
        "files": {name: hashlib.sha256(data).hexdigest() for name, data in sorted(files.items())},
    }
    (folder / MANIFEST).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _read(folder: Path, kind: str, samples: Samples, fold: Fold) -> Walked:
    files = _files(folder)
    test = samples.between(fold.test.first, fold.test.last)
    scores: Float64s = np.load(io.BytesIO(files.pop(SCORES)), allow_pickle=False)
    return Walked(fold, kinds.read(kind, samples.columns, files), test, scores)


def _files(folder: Path) -> dict[str, bytes]:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = {name: (folder / name).read_bytes() for name in content["files"]}
        _demand_libraries(folder, content["libraries"])
    except (OSError, json.JSONDecodeError, KeyError) as error:
        raise NotTheFoldError(f"{folder} holds no whole fold ({type(error).__name__}: {error}).") from error
    for name, wanted in content["files"].items():
        if hashlib.sha256(files[name]).hexdigest() != wanted:
            raise NotTheFoldError(f"The file {name} in {folder} has another checksum than when the fold was kept.")
    return files


def _demand_libraries(folder: Path, libraries: Mapping[str, str]) -> None:
    for name, wanted in libraries.items():
        if (found := version(name)) != wanted:
            raise NotTheFoldError(f"{folder} was made with {name} {wanted}, and here is {found}.")
