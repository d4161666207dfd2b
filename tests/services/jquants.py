"""The simulated J-Quants on a free port, and a market small enough to know by heart."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import polars as pl
import uvicorn
from starlette.responses import JSONResponse

from tosho.calendar import sessions

KEY = "a-key-for-tests"
FIRST, LAST = date(2018, 10, 25), date(2018, 11, 16)
SPLIT_ON = date(2018, 11, 8)
HALTED_ON = date(2018, 11, 7)
LISTED_ON = date(2018, 11, 6)
DELISTED_ON = date(2018, 11, 2)
COMMON, SPLIT, LETTERS, NEW, GONE, STRANGER = "13010", "86970", "130A0", "40000", "50000", "99990"


def write_market(folder: Path) -> Path:
    """Six codes over 17 sessions: one splits, one is halted a day, one is listed, one leaves, one has no master."""
    folder.mkdir(parents=True, exist_ok=True)
    days = sessions(FIRST, LAST)
    rows = [bar for n, day in enumerate(days) for bar in _bars(n, day)]
    bars = pl.DataFrame(rows, schema={
        "Date": pl.Date, "Code": pl.String, **dict.fromkeys(("O", "H", "L", "C", "Vo", "Va", "AdjFactor"), pl.Float64),
        "UL": pl.String, "LL": pl.String}, orient="row")  # fmt: skip
    bars.write_parquet(folder / "bars.parquet")
    master = [_issue(code) for code in (COMMON, SPLIT, LETTERS, NEW, GONE)]
    pl.DataFrame(master).write_parquet(folder / "master.parquet")
    level = [1600.0 + n for n in range(len(days))]
    topix = {"Date": days, "O": level, "H": [x + 9 for x in level], "L": [x - 9 for x in level], "C": level}
    pl.DataFrame(topix).write_parquet(folder / "topix.parquet")
    pl.DataFrame([
        _statement("2018-10-31", "15:00:00", COMMON, 1_000_000, 50_000),
        _statement("2018-10-31", "18:20:00", LETTERS, 2_000_000, 0),
        _statement("2018-11-16", "12:00:00", SPLIT, 3_000_000, 1),
        _statement("2018-11-16", "12:05:00", COMMON, None, None),
    ]).write_parquet(folder / "statements.parquet")  # fmt: skip
    return folder


def _bars(n: int, day: date) -> Iterator[tuple[object, ...]]:
    for place, code in enumerate((COMMON, LETTERS, NEW, GONE, SPLIT, STRANGER)):
        listed = (code != NEW or day >= LISTED_ON) and (code != GONE or day <= DELISTED_ON)
        if not listed or (code == COMMON and day == HALTED_ON):
            continue
        split = code == SPLIT and day >= SPLIT_ON
        price = (1000.0 + 10 * n + 100 * place) / (2 if split else 1)
        factor = 0.5 if code == SPLIT and day == SPLIT_ON else 1.0
        yield day, code, price, price + 5, price - 5, price + 1, 10_000.0 + n, price * 10_000, factor, "0", "0"


def _issue(code: str) -> dict[str, object]:
    return {
        "Date": DELISTED_ON if code == GONE else LAST, "Code": code,
        "CompanyName": f"会社{code}", "CompanyNameEnglish": f"Company {code}",
        "Sector17Code": "1", "Sector17CodeName": "食品", "Sector33Code": "0050", "Sector33CodeName": "水産・農林業",
        "ScaleCategory": "TOPIX Small 2", "MarketCode": "0101", "MarketCodeName": "東証一部", "MarginCode": "2",
        "ProductCategory": "011", "ListedFrom": LISTED_ON if code == NEW else FIRST,
        "ListedTo": DELISTED_ON if code == GONE else None,
    }  # fmt: skip


def _statement(day: str, at: str, code: str, issued: int | None, treasury: int | None) -> dict[str, object]:
    return {
        "DiscDate": day, "DiscTime": at, "Code": code, "DiscNo": f"{day}{code}", "DocType": "FYFinancialStatements",
        "CurPerType": "FY", "Sales": 12_345.0, "EPS": 12.5, "ShOutFY": issued, "TrShFY": treasury,
    }  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(app: Callable[..., object], host: str = "127.0.0.1") -> Iterator[str]:
    """Serve an ASGI app from a thread of this process; yields its address."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)


class Tampering:
    """An ASGI app between server and client that may change the rows of an answer, or the answer as a whole."""

    def __init__(self, app):
        self.app = app
        self.honest()

    def honest(self):
        self.rows = lambda path, rows: rows
        self.body = lambda path, body: body
        self.file = lambda path, packed: packed
        self.refuse = lambda path: False
        self.asked = []

    async def __call__(self, scope, receive, send):
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        plain = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        self.asked.append((scope["path"], scope["query_string"].decode()))
        if self.refuse(scope["path"]):
            await JSONResponse({"message": "Forbidden"}, 403)(scope, receive, send)
            return
        sent = []

        async def collect(message):
            sent.append(message)

        await self.app({**scope, "headers": plain}, receive, collect)
        body = b"".join(message.get("body", b"") for message in sent)
        if scope["path"].startswith("/v2") and sent[0]["status"] == 200:
            content = json.loads(body)
            if "data" in content:
                content["data"] = self.rows(scope["path"], content["data"])
            body = self.body(scope["path"], json.dumps(content).encode())
        if scope["path"].startswith("/bulk-files"):
            body = self.file(scope["path"], body)
        headers = [(name, value) for name, value in sent[0]["headers"] if name != b"content-length"]
        await send({**sent[0], "headers": [*headers, (b"content-length", str(len(body)).encode())]})
        await send({"type": "http.response.body", "body": body})
