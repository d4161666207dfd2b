"""The Java runtime that Spark starts on this machine: which one it takes, and whether it can run on it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Final

OLDEST: Final = 17
"""Spark 4 runs on no older one."""


class NoJavaError(RuntimeError):
    """There is no Java runtime, or one that Spark cannot run on."""


def java() -> str:
    """Return what the Java runtime that Spark takes calls itself: that of JAVA_HOME, or else the first on the path.

    Raises:
        NoJavaError: There is none, it does not start, or it is too old.
    """
    home = os.environ.get("JAVA_HOME")
    found = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    if not found:
        raise _refused("there is none here")
    try:
        # Spark would start the same program.
        told = subprocess.run([found, "-version"], capture_output=True, text=True, check=True).stderr  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise _refused(f"{found} does not start: {error}") from error
    version = re.search(r'^.*version "(\d+).*$', told, re.MULTILINE)  # a line on JAVA_TOOL_OPTIONS may come before
    if not version or int(version[1]) < OLDEST:
        raise _refused(f"{found} says: {version[0] if version else told.strip()}")
    return f"{version[0]} at {found}"


def _refused(found: str) -> NoJavaError:
    return NoJavaError(
        f"Spark needs a Java runtime of {OLDEST} or later, and {found}. Install openjdk-17-jre-headless (`make setup` "
        "does), or name another in JAVA_HOME."
    )
