"""Ctrl-C and its like: one interrupt, however often it comes."""

from __future__ import annotations

import signal
import sys
from types import FrameType
from typing import Final

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a plain `kill`, a closed terminal."""


def heed() -> None:
    """Make each of ENDING a KeyboardInterrupt, but not while one is being handled: ending is not to be cut short.

    One Ctrl-C comes as two where Polars is at work: it raises KeyboardInterrupt by itself, and then Python's handler
    runs as well. A terminal that is closed hangs up more than once. What is ignored (`nohup`, a shell's background job)
    stays ignored.
    """
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(_: int, __: FrameType | None) -> None:
    if not isinstance(sys.exception(), KeyboardInterrupt):
        raise KeyboardInterrupt
