from tosho.ingest.admission import admitted, admitted_lately
from tosho.ingest.errors import (
    AccessRefusedError,
    KeyRefusedError,
    NotYetPublishedError,
    PayloadError,
    PlanTooSmallError,
    RequestRefusedError,
    ServiceUnavailableError,
)
from tosho.ingest.history import ingest_history
from tosho.ingest.jquants import JQuantsClient
from tosho.ingest.last_probe import LastProbe
from tosho.ingest.session import ingest_session

__all__ = [
    "AccessRefusedError",
    "JQuantsClient",
    "KeyRefusedError",
    "LastProbe",
    "NotYetPublishedError",
    "PayloadError",
    "PlanTooSmallError",
    "RequestRefusedError",
    "ServiceUnavailableError",
    "admitted",
    "admitted_lately",
    "ingest_history",
    "ingest_session",
]
