from tosho.ingest.admission import admitted
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
from tosho.ingest.session import ingest_session

__all__ = [
    "AccessRefusedError",
    "JQuantsClient",
    "KeyRefusedError",
    "NotYetPublishedError",
    "PayloadError",
    "PlanTooSmallError",
    "RequestRefusedError",
    "ServiceUnavailableError",
    "admitted",
    "ingest_history",
    "ingest_session",
]
