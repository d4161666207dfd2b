"""The last pieces: workers finish sessions and write their partitions' files, the driver publishes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import date
from itertools import chain

import polars as pl

from tosho.contracts import Contract
from tosho.features.pieces.blob import Blob, unpack_in_place
from tosho.features.pieces.block import Block
from tosho.features.pieces.series import RETURNS, ROWS
from tosho.storage import Lake, Manifest, layout

_WRITERS = 2


class IncompleteError(RuntimeError):
    """The workers did not bring each session once."""


Finish = Callable[[pl.DataFrame, pl.DataFrame | None], pl.DataFrame]
"""From one session's rows, all codes, as the series pass left them, and all codes' returns, to the partition's rows."""


@dataclass(frozen=True)
class Staged:
    """What one worker wrote: the partitions, and which of their files were not there before."""

    partitions: tuple[Manifest, ...]
    created: tuple[Manifest, ...]


def _nothing_more(_: date) -> dict[str, object]:
    return {}


@dataclass(frozen=True)
class Target:
    """What to publish, all of it or nothing: the sessions of a table, and how a partition of it is made.

    `facts` are every session's. `facts_of` tells more of each: the driver asks it, so that what may be long does not
    travel from the workers.
    """

    lake: Lake
    table: str
    sessions: tuple[date, ...]
    contract: Contract
    facts: dict[str, object]
    finish: Finish
    facts_of: Callable[[date], dict[str, object]] = _nothing_more

    def stage(self, spans: Iterable[Mapping[str, Sequence[Blob]]]) -> Staged:
        """Finish and write each session of some spans; readers see none of it yet.

        Args:
            spans: The blobs of each span, by ROWS and RETURNS.
        """
        writing: list[Future[tuple[Manifest, bool]]] = []
        with ThreadPoolExecutor(_WRITERS) as writer:  # the disk's time for a session is the processor's for the next
            try:
                for session, rows, returns in chain.from_iterable(map(_by_session, spans)):
                    frame = self.finish(rows, returns)
                    if len(writing) >= _WRITERS:
                        writing[-_WRITERS].result()  # so that no more than three are in memory
                    writing.append(writer.submit(self._stage, session, frame))
                staged = [written.result() for written in writing]
            except BaseException:
                wait(writing)
                self._discard(_created(written.result() for written in writing if not written.exception()))
                raise
        return Staged(tuple(manifest for manifest, _ in staged), tuple(_created(staged)))

    def commit(self, brought: Iterable[Staged]) -> None:
        """Publish every session: one manifest each, oldest first.

        A session is whole at every instant. A driver that dies here leaves the newer sessions as they were;
        the same job run again publishes the same bytes everywhere.

        Raises:
            IncompleteError: A session is missing or comes twice. None is published.
        """
        staged = sorted((manifest for one in brought for manifest in one.partitions), key=lambda m: m.session)
        if (came := [manifest.session for manifest in staged]) != list(self.sessions):
            raise IncompleteError(
                f"Table {self.table}: {len(self.sessions)} sessions were asked for and {len(came)} came; "
                f"missing {sorted(set(self.sessions) - set(came))}, repeated or not asked for "
                f"{sorted((Counter(came) - Counter(self.sessions)).elements())}. Nothing was published."
            )
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._publish, staged))

    def abort(self, brought: Iterable[Staged]) -> None:
        """Remove the files that a job brought and nobody was told of."""
        self._discard([manifest for one in brought for manifest in one.created])

    def _publish(self, staged: Manifest) -> None:
        facts = {**staged.facts, **self.facts_of(staged.session)}
        self.lake.commit(replace(staged, facts=facts))

    def _stage(self, session: date, frame: pl.DataFrame) -> tuple[Manifest, bool]:
        before = self.lake.files.names(layout.partition_path(self.table, session))
        staged = self.lake.stage(self.table, session, frame, contract=self.contract, facts=self.facts)
        return staged, staged.file not in before

    def _discard(self, staged: Iterable[Manifest]) -> None:
        for manifest in staged:
            self.lake.discard(manifest)


def _created(staged: Iterable[tuple[Manifest, bool]]) -> Iterator[Manifest]:
    return (manifest for manifest, is_new in staged if is_new)


def _by_session(blobs: Mapping[str, Sequence[Blob]]) -> Iterator[tuple[date, pl.DataFrame, pl.DataFrame | None]]:
    if not blobs.get(ROWS):
        return
    returns = pl.concat(map(unpack_in_place, blobs[RETURNS])) if blobs.get(RETURNS) else None
    yield from ((session, rows, returns) for session, rows in Block.together(blobs[ROWS]).sessions())
