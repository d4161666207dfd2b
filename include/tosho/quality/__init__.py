from tosho.quality.features import after_features
from tosho.quality.ingest import after_first_ingest, after_ingest
from tosho.quality.prediction import after_prediction
from tosho.quality.verdict import GateFailedError, Verdict, enforce, from_json, to_json

__all__ = [
    "GateFailedError",
    "Verdict",
    "after_features",
    "after_first_ingest",
    "after_ingest",
    "after_prediction",
    "enforce",
    "from_json",
    "to_json",
]
