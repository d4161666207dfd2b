"""Payloads as they came, kept for good: everything else can be made from them again."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime

from tosho.storage import layout
from tosho.storage.lake import Lake
from tosho.storage.manifest import Source


def keep(lake: Lake, source: str, request: str, payload: bytes, fetched_at: datetime | None = None) -> Source:
    """Store a payload under its checksum, once, and return what a manifest says of it.

    A payload that is there already is left as it was, time of arrival included: fetching the same answer
    again changes nothing.

    Args:
        lake: Where to keep it.
        source: The source's name, such as `bars_daily`.
        request: What was asked, safe as a folder name: `date=2018-11-16`.
        payload: The body as received, decompressed.
        fetched_at: When it arrived; now, if not told.
    """
    digest = hashlib.sha256(payload).hexdigest()
    folder = f"{layout.raw_path(source, request)}/{digest[:16]}"
    if lake.files.exists(f"{folder}.json"):
        return Source(**json.loads(lake.files.read(f"{folder}.json")))
    record = Source(request, digest, (fetched_at or datetime.now(UTC)).isoformat(timespec="seconds"))
    lake.files.write(f"{folder}.gz", gzip.compress(payload, compresslevel=1, mtime=0))
    lake.files.write(f"{folder}.json", json.dumps(record.__dict__, sort_keys=True).encode())
    return record


def payload(lake: Lake, source: str, kept: Source) -> bytes:
    """Return the bytes of a kept payload."""
    return gzip.decompress(lake.files.read(f"{layout.raw_path(source, kept.request)}/{kept.sha256[:16]}.gz"))
