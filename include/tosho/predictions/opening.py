"""From settings to a store."""

from __future__ import annotations

from tosho.config import Store
from tosho.predictions.clickhouse import ClickHouseEngine
from tosho.predictions.embedded import EmbeddedEngine
from tosho.predictions.store import PredictionStore
from tosho.predictions.versioned import VersionedStore

LOCK_BOUND_S = 60.0


def open_store(store: Store, lock_bound_s: float = LOCK_BOUND_S) -> PredictionStore:
    """Return the store that the settings name. Nothing is connected or written until it is used.

    Args:
        store: Kind and place.
        lock_bound_s: Seconds a load waits for another load of the same session.

    Raises:
        StoreUnavailableError: The settings cannot name a store.
    """
    if store.kind == "server":
        return VersionedStore(ClickHouseEngine(store, lock_bound_s))
    return VersionedStore(EmbeddedEngine(store.uri, lock_bound_s))
