"""Metrics to statsd; their names are constants here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Protocol

import statsd

from tosho.observability.log import logger

_log = logger(__name__)

ROWS = "tosho.rows"
QUARANTINED = "tosho.quarantined"
STAGE_SECONDS = "tosho.stage_seconds"
GATE_FAILED = "tosho.gate_failed"


class Endpoint(Protocol):
    """Where statsd listens; an empty host turns metrics off. `tosho.config.Metrics` is one."""

    @property
    def host(self) -> str:
        """Host name or address."""

    @property
    def port(self) -> int:
        """UDP port."""


@lru_cache(maxsize=4)
def _client(host: str, port: int) -> statsd.StatsClient | None:
    try:
        return statsd.StatsClient(host, port) if host else None
    except OSError as error:  # the name cannot be resolved: work goes on, unmeasured
        _log.warning("No metrics: statsd at %s:%d cannot be reached (%s).", host, port, error)
        return None


def count(metrics: Endpoint, name: str, value: int, **tags: str) -> None:
    """Add `value` to a counter. Tags become InfluxDB-style suffixes, as Airflow's own do."""
    if client := _client(metrics.host, metrics.port):
        client.incr(_tagged(name, tags), value)


@contextmanager
def stage(metrics: Endpoint, name: str) -> Iterator[None]:
    """Time a block as `tosho.stage_seconds,stage=<name>`, in milliseconds as statsd wants them."""
    began = time.perf_counter()
    try:
        yield
    finally:
        if client := _client(metrics.host, metrics.port):
            client.timing(_tagged(STAGE_SECONDS, {"stage": name}), (time.perf_counter() - began) * 1000)


def _tagged(name: str, tags: dict[str, str]) -> str:
    return ",".join([name, *(f"{key}={value}" for key, value in sorted(tags.items()))])
