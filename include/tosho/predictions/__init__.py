from tosho.predictions.engine import StoreBusyError, StoreError, StoreUnavailableError
from tosho.predictions.opening import open_store
from tosho.predictions.rows import LoadRefusedError
from tosho.predictions.store import LoadMismatchError, LoadReport, PredictionStore, SessionMissingError

__all__ = [
    "LoadMismatchError",
    "LoadRefusedError",
    "LoadReport",
    "PredictionStore",
    "SessionMissingError",
    "StoreBusyError",
    "StoreError",
    "StoreUnavailableError",
    "open_store",
]
