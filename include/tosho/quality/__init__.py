from tosho.quality.coverage import after_labels
from tosho.quality.data import DataJudge
from tosho.quality.features import after_features
from tosho.quality.ingest import after_first_ingest, after_ingest
from tosho.quality.prediction import after_prediction
from tosho.quality.report import write_report
from tosho.quality.verdict import GateFailedError, Verdict, enforce, from_json, stopping, to_json

__all__ = [
    "DataJudge",
    "GateFailedError",
    "Verdict",
    "after_features",
    "after_first_ingest",
    "after_ingest",
    "after_labels",
    "after_prediction",
    "enforce",
    "from_json",
    "stopping",
    "to_json",
    "write_report",
]
