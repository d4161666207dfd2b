"""What all processes of a machine that ask with one key have sent: a history and an evening keep one pace together.

A plan's limit is the key's, and two Dags may ask at once. So requests are counted in a file of the installation's home,
a bucket of pyrate-limiter in SQLite. Looking and counting are one step under a lock of the file system: the kernel lets
go of it when a process is killed, and SQLite takes back what such a process had not finished.

Moments are those of a clock that all processes of a machine share and that begins anew when it does. What another
machine sends with the same key is not seen here: there, give the tasks that ask an Airflow pool of one slot
(`TOSHO_JQUANTS_POOL`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from pyrate_limiter import Rate, SQLiteBucket

from tosho.storage import Files

_FORGET_LATER: Final = "DELETE FROM '{table}' WHERE item_timestamp > ?"


class RequestsSent:
    """The file in which an account's requests are counted. Close it."""

    def __init__(self, folder: Path, account: str, now: Callable[[], float] = time.monotonic) -> None:
        """Open the file.

        Args:
            folder: Where it is, made if need be: on a disk of this machine, not on a network's.
            account: Whose requests they are, as a name for files.
            now: The clock of those who count in it, in seconds.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._path, self._now = folder / f"requests-{account}.sqlite", now
        self._files = Files(f"file://{folder}")
        self._buckets: list[SQLiteBucket] = []

    def alone(self) -> AbstractContextManager[None]:
        """Keep all other processes out meanwhile. Threads of one process are kept apart by who calls this."""
        return self._files.alone("")

    def bucket(self, rate: Rate) -> SQLiteBucket:
        """Return the requests that a limit counts; what is later than now is of before the machine was started.

        Call this, and the bucket, while alone.
        """
        table = f"of_{rate.limit}"
        bucket = SQLiteBucket.init_from_file([rate], table, str(self._path))
        bucket.conn.execute(_FORGET_LATER.format(table=table), (int(self._now() * 1000),))
        bucket.conn.commit()
        self._buckets.append(bucket)
        return bucket

    def close(self) -> None:
        """Close the file; what was sent stays counted."""
        for bucket in self._buckets:
            bucket.close()  # type: ignore[no-untyped-call]
