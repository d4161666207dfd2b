"""Options of the JVM that `spark-submit` starts on this machine: it lives for seconds, and starting is most of it."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "SPARK_SUBMIT_OPTS"

ARCHIVE: Final = Path(sys.prefix) / "spark-classes.jsa"
"""Spark's classes, read and verified once by `make setup`. A JVM whose archive is missing, or of another Java, loads
the classes itself and says nothing."""

_SHORT_LIVED: Final = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"

ARCHIVING: Final = f"{_SHORT_LIVED} -XX:ArchiveClassesAtExit={ARCHIVE} -Xlog:disable"
"""With these a JVM makes the archive as it ends."""

OPTIONS: Final = f"{_SHORT_LIVED} -XX:SharedArchiveFile={ARCHIVE}"
"""Quick to compile, as the work is done in Python; one thread for garbage, as there is little; classes as archived."""


def prefer_quick_start(environment: MutableMapping[str, str]) -> None:
    """Add the options to an environment in which nobody has chosen others."""
    environment.setdefault(VARIABLE, OPTIONS)
