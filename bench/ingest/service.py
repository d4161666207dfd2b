"""The simulated J-Quants in a process of its own, as far away as is asked for, and clients that count what they ask.

python -m bench.ingest.service FOLDER PORT PLAN PER_MINUTE LATENCY_MS
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Lock
from typing import Any

import httpx

from tosho.config import JQuants, Plan
from tosho.ingest import JQuantsClient
from tosho.ingest.plans import BULK_GET, BULK_LIST, Terms
from tosho.local.environment import free_ports

KEY = "bench"
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Far:
    """An ASGI app that begins to answer a while after it was asked, and meanwhile takes other questions."""

    app: Callable[..., Any]
    seconds: float

    async def __call__(self, scope: Mapping[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI's own
        """Answer."""
        if scope["type"] == "http":
            await asyncio.sleep(self.seconds)
        await self.app(scope, receive, send)


class Counting(JQuantsClient):
    """A client that counts what it asks, by endpoint, and how many others were asking at once."""

    def __init__(self, *given: Any, **named: Any) -> None:  # noqa: ANN401 - the client's own
        super().__init__(*given, **named)
        self.asked: Counter[str] = Counter()
        self.at_once: Counter[int] = Counter()
        self._here: list[str] = []
        self._counting = Lock()

    def _get(self, endpoint: str, query: Mapping[str, str]) -> bytes:
        with self._counting:
            self.asked[endpoint] += 1
            self._here.append(endpoint)
            self.at_once[len(self._here)] += 1
        try:
            return super()._get(endpoint, query)
        finally:
            with self._counting:
                self._here.remove(endpoint)


class WithoutFiles(Counting):
    """A client whose plan has no bulk files, so that a history goes date by date."""

    @property
    def terms(self) -> Terms:
        """What may be asked for."""
        return replace(super().terms, endpoints=super().terms.endpoints - {BULK_LIST, BULK_GET})


@contextmanager
def serving(folder: Path, plan: Plan, per_minute: int = 0, latency_ms: int = 0) -> Iterator[str]:
    """Serve a market from a process of its own; yields the address. Without a number, any pace is served.

    Raises:
        RuntimeError: The process ended before it answered.
    """
    port = free_ports(1)[0]
    command = [sys.executable, "-m", "bench.ingest.service", str(folder), str(port), plan]
    process = subprocess.Popen([*command, str(per_minute), str(latency_ms)], cwd=ROOT)
    url = f"http://127.0.0.1:{port}/v2"
    try:
        _await(url, process)
        yield url
    finally:
        process.terminate()
        process.wait()


def asking(url: str, plan: Plan) -> JQuants:
    """Return the settings of a client of the service."""
    return JQuants(url, KEY, plan)


def _await(url: str, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        try:
            httpx.get(f"{url}/no-such-path", headers={"x-api-key": KEY}, timeout=5)  # counts against no pace
        except httpx.TransportError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"The simulated J-Quants ended with {process.returncode} before it answered.")


def main(folder: str, port: str, plan: Plan, per_minute: str, latency_ms: str) -> None:
    """Serve until ended."""
    import uvicorn

    from tosho.simulation.server import create_app

    app = create_app(folder, api_key=KEY, plan=plan, rate_per_minute=int(per_minute) or None)
    far = Far(app, int(latency_ms) / 1000)
    uvicorn.run(far, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)


if __name__ == "__main__":
    main(*sys.argv[1:])
