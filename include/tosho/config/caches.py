"""Folders in which what takes long to find out is kept for the next process: this user's, and nobody else's.

What is found in them is believed, so a folder of another user, or one that all may write to, is refused.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TypeVar, cast

T = TypeVar("T")

_OTHERWISE = "Set XDG_CACHE_HOME to a folder of this user's"
_log = logging.getLogger(__name__)


class NoFolderError(OSError):
    """There is no folder in which something may be kept."""


def users_own(name: str, otherwise: str = _OTHERWISE) -> Path:
    """Return the place of a folder in `$XDG_CACHE_HOME/tosho`, or `~/.cache/tosho`.

    Raises:
        NoFolderError: The user has no home. `otherwise` says what to do then.
    """
    caches = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache")
    try:
        return caches.expanduser().absolute() / "tosho" / name
    except RuntimeError as error:
        raise NoFolderError(f"This user has no home; {otherwise}.") from error


def made_private(folder: Path, otherwise: str = _OTHERWISE) -> Path:
    """Return a folder, made if need be, that only this user or root can have written to.

    Raises:
        NoFolderError: It is another user's, or all may write to it. `otherwise` says what to do then.
        OSError: It cannot be made.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid not in {0, os.geteuid()} or found.st_mode & 0o002:
        raise NoFolderError(
            f"{folder} is of user {found.st_uid} with mode {found.st_mode & 0o777:o}; what is there is believed, so it "
            f"must be this user's or root's, and not writable for all. {otherwise}."
        )
    return folder


def remembered(name: str, depends: Sequence[str], find: Callable[[], T]) -> T:
    """Return what `find` returns, a JSON value: from an earlier process, or found out and kept for later ones.

    Where it cannot be kept, or was cut short, it is found out: slower, and the same.

    Args:
        name: The folder of such answers.
        depends: Everything that the answer depends on, versions and sources included.
        find: Finds it out.
    """
    key = digest(*depends)
    try:
        place = made_private(users_own(name)) / f"{key}.json"
    except OSError as error:
        _log.info("What is known of %s is not kept for the next process. %s", name, error)
        return find()
    if (kept := _kept(place, key)) is None:
        kept = {"key": key, "found": find()}
        _keep(place, kept)
    return cast("T", kept["found"])


def digest(*parts: str | bytes) -> str:
    """Return what tells these parts from others, in order."""
    made = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        made.update(b"%d:" % len(content) + content)
    return made.hexdigest()[:32]


def sources(package: str) -> Iterator[bytes]:
    """Yield the sources of a package and of those in it, by name: where they lie changes nothing, be it an archive."""
    yield from _sources_in(files(package))


def _sources_in(folder: Traversable) -> Iterator[bytes]:
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _sources_in(item)
        elif item.name.endswith(".py"):
            yield item.read_bytes()


def _kept(place: Path, key: str) -> dict[str, object] | None:
    try:
        found = json.loads(place.read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and found.get("key") == key and "found" in found else None


def _keep(place: Path, content: dict[str, object]) -> None:
    """Write it whole or not at all: others may read at this moment."""
    waiting = place.with_name(f"{place.name}.{os.getpid()}.tmp")
    try:
        waiting.write_text(json.dumps(content))
        waiting.replace(place)
    except OSError as error:
        _log.info("%s could not be kept for the next process: %s", place, error)
