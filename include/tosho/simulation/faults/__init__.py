from tosho.simulation.faults.content import ColumnGone, ColumnNull, ColumnUnknown, RowsTwice, TypesChanged
from tosho.simulation.faults.exchange import Answer, Fault, Request
from tosho.simulation.faults.injection import Faults, FaultyApp, When, with_faults
from tosho.simulation.faults.later import ClockSkew, EmptyDay, LateCorrection, Republished, skewed
from tosho.simulation.faults.transient import (
    BrokenCompression,
    RepeatedPage,
    ServerError,
    SlowDrip,
    TimeOut,
    TooManyRequests,
    Truncated,
    WrongContentType,
    transient,
)

__all__ = [
    "Answer",
    "BrokenCompression",
    "ClockSkew",
    "ColumnGone",
    "ColumnNull",
    "ColumnUnknown",
    "EmptyDay",
    "Fault",
    "Faults",
    "FaultyApp",
    "LateCorrection",
    "RepeatedPage",
    "Republished",
    "Request",
    "RowsTwice",
    "ServerError",
    "SlowDrip",
    "TimeOut",
    "TooManyRequests",
    "Truncated",
    "TypesChanged",
    "When",
    "WrongContentType",
    "skewed",
    "transient",
    "with_faults",
]
