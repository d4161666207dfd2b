"""Faults between a simulated service and its clients: by plan, or by a seeded chance for every request."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from starlette.types import ASGIApp, Receive, Scope, Send

from tosho.simulation.faults.exchange import Fault, Request, asking, deliver
from tosho.simulation.faults.transient import transient


@dataclass(frozen=True)
class When:
    """The requests that a planned fault befalls: those of a path, or of paths that begin or end so."""

    path: str
    query: Mapping[str, str] = field(default_factory=dict)  # these parameters, and any others
    first: int = 0
    times: int | None = None  # in a row, from the `first` asking of the same question on; None for ever

    def meets(self, request: Request) -> bool:
        """Tell whether a request is one of them."""
        asked = request.path.endswith(self.path) or (request.is_file and self.path in request.path)
        of_time = request.before >= self.first and (self.times is None or request.before < self.first + self.times)
        return asked and of_time and self.query.items() <= request.parameters.items()


@dataclass(frozen=True)
class Faults:
    """Which faults befall which requests."""

    plan: Sequence[tuple[When, Fault]] = ()  # the first that meets a request counts, before any chance
    share: float = 0.0  # of the other requests, this fraction is befallen by one of `chance`
    seed: int = 0
    chance: Sequence[Fault] = field(default_factory=transient)

    def __post_init__(self) -> None:
        if not 0.0 <= self.share <= 1.0:
            raise ValueError(f"The share of requests with a fault is {self.share}; it must be from 0 to 1.")

    def of(self, request: Request) -> Fault | None:
        """Return the fault that befalls a request; the same for the same seed, question and number of askings."""
        for when, fault in self.plan:
            if when.meets(request) and fault.fits(request):
                return fault
        dice = random.Random(f"{self.seed} {request.before} {request.name}")  # noqa: S311 - no secret
        fitting = [fault for fault in self.chance if fault.fits(request)]
        return dice.choice(fitting) if dice.random() < self.share else None


class FaultyApp:
    """An ASGI app before another one. `struck` names the faults so far, with the paths that they befell."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        self.app, self.faults = app, faults
        self.struck: list[tuple[str, str]] = []
        self._asked: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, honestly or not."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = self._counted(Request.of(scope))
        fault = self.faults.of(request)
        if fault is None:
            await self.app(scope, receive, send)
            return
        self.struck.append((type(fault).__name__, request.path))
        await deliver(await fault.answer(request, asking(self.app, scope)), receive, send)

    def _counted(self, request: Request) -> Request:
        before = self._asked[request.name]
        self._asked[request.name] += 1
        return Request(request.path, request.query, before)


def with_faults(app: ASGIApp, faults: Faults) -> FaultyApp:
    """Return an app whose answers go wrong as `faults` says; all else about them is the app's own."""
    return FaultyApp(app, faults)
