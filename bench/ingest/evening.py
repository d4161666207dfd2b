"""One session of every table of the premium plan, from a server without a limit of requests.

Balances of margin trades were weekly, known on a week's second business day, and investors' flows are known on its
fourth: no session had rows of both. Since the balances are daily, a fourth business day has them all, if companies
report on it and on the next one (whose announcements are the calendar of earnings): a day of the season, the market's
last, since morning bars and the calendar of earnings can only be asked for today.
"""

from __future__ import annotations

import time
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.ingest.service import Counting, asking, serving
from tosho.ingest import ingest_session
from tosho.ingest.sources import SOURCES
from tosho.simulation.market import simulate
from tosho.storage import Files, Lake

SESSION = date(2026, 10, 29)
TIMES = 5


def session(codes: int = 4_000, times: int = TIMES) -> dict[str, Any]:
    """Take the session in, each time into a lake of its own; the first time everything is still cold."""
    with TemporaryDirectory() as folder:
        simulate(Path(folder) / "market", codes=codes, sessions=60, last=SESSION)
        walls = []
        with serving(Path(folder) / "market", "premium") as url, Counting(asking(url, "premium")) as client:
            for number in range(times):
                lake = Lake(Files(f"file://{folder}/lake-{number}"))
                began = time.perf_counter()
                report = ingest_session(SESSION, lake, client)
                walls.append(round(time.perf_counter() - began, 2))
            rows = {source.table: report[source.table]["rows"] for source in SOURCES}
            return {
                "session": SESSION.isoformat(), "codes": codes, "plan": "premium", "tables": len(SOURCES),
                "requests": client.asked.total() // times, "walls_s": walls, "rows": rows,
                "without_rows": [table for table, count in rows.items() if not count],
            }  # fmt: skip
