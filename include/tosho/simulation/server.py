"""J-Quants V2 over HTTP, from any market folder: the same paths, fields, paging, limits and error bodies.

What differs from the real service: data is there at once unless a clock is given. A folder that lacks a table serves no
rows of it; beside real data nothing is invented: `UL` and `LL` are null where the folder does not know them, and so are
the half-day blocks of the premium plan, which only a synthetic market has.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Literal

import polars as pl
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tosho.calendar import is_session
from tosho.config import Plan
from tosho.ingest import plans
from tosho.ingest.plans import PLANS
from tosho.simulation.answers import NO_SUCH_PATH, ApiError, Query
from tosho.simulation.datasets import Datasets
from tosho.simulation.gate import gate
from tosho.simulation.json_rows import rows_as_json
from tosho.simulation.market_folder import load_market
from tosho.simulation.paging import page_of
from tosho.simulation.publication import Clock
from tosho.simulation.signed_urls import SignedUrls

PAGE_ROWS: Final = 2_000
URL_SECONDS: Final = 300

PerMinute = int | Literal["plan"] | None
"""Requests a minute: the plan's own number, another one, or None for no limit."""


def create_app(  # noqa: PLR0913 - the knobs of a service
    folder: Path | str,
    *,
    api_key: str,
    plan: Plan = "light",
    page_rows: int = PAGE_ROWS,
    rate_per_minute: PerMinute = "plan",
    clock: Clock | None = None,
    url_seconds: int = URL_SECONDS,
) -> Starlette:
    """Return the service over a market folder, which is read here.

    Args:
        folder: A market, as `simulation.market.simulate` writes it.
        api_key: What callers must send as `x-api-key`.
        plan: Whose endpoints, window and pace hold.
        page_rows: Rows a page.
        rate_per_minute: The plan's own limit, another one, or None for none (tests, demonstrations).
        clock: The time of the simulated day; what is not published by then is not served. None publishes all.
        url_seconds: How long the address of a bulk file is good for.

    Raises:
        MarketFolderError: The folder holds no market.
    """
    data = Datasets(load_market(Path(folder)), PLANS[plan], clock)
    is_session(data.published.today())  # the calendar takes seconds to load: now, not in the first answer
    way_in = gate(api_key, plan, PLANS[plan].per_minute if rate_per_minute == "plan" else rate_per_minute)
    urls = SignedUrls(url_seconds)

    def answer(endpoint: str, body: Callable[[Request], bytes]) -> Route:
        def respond(request: Request) -> Response:
            way_in.admit(endpoint, request.headers.get("x-api-key", ""))
            return _json(request, body(request))

        return Route(f"/v2{endpoint}", respond)

    def download(request: Request) -> Response:
        key = request.path_params["key"]
        urls.check(key, request.query_params)
        return Response(data.bulk_content(key), media_type="application/gzip")

    def signed(request: Request) -> bytes:
        return json.dumps({"url": urls.sign(str(request.base_url), data.bulk_key(request.query_params))}).encode()

    routes = [answer(path, partial(_page, path, rows, page_rows)) for path, rows in data.paged().items()]
    routes += [answer(path, partial(_whole, rows)) for path, rows in data.whole().items()]
    routes += [answer(plans.BULK_GET, signed), Route("/bulk-files/{key:path}", download)]
    return Starlette(
        routes=routes, exception_handlers={ApiError: _refusal, HTTPException: _no_path, Exception: _failure}
    )


def serve(  # noqa: PLR0913 - as above
    folder: Path | str,
    host: str,
    port: int,
    *,
    api_key: str,
    plan: Plan = "light",
    page_rows: int = PAGE_ROWS,
    rate_per_minute: PerMinute = "plan",
    clock: Clock | None = None,
) -> None:
    """Serve a market folder until interrupted; see `create_app`."""
    app = create_app(
        folder, api_key=api_key, plan=plan, page_rows=page_rows, rate_per_minute=rate_per_minute, clock=clock
    )
    uvicorn.run(app, host=host, port=port, log_level="warning", access_log=False)


def _page(endpoint: str, rows: Callable[[Query], pl.DataFrame], size: int, request: Request) -> bytes:
    query = request.query_params
    page = page_of(rows(query), query, size)
    more = f',"pagination_key":{json.dumps(page.next_key)}' if page.next_key else ""
    return f'{{"data":{rows_as_json(endpoint, page.rows)}{more}}}'.encode()


def _whole(rows: Callable[[Query], pl.DataFrame], request: Request) -> bytes:
    return f'{{"data":{rows(request.query_params).write_json()}}}'.encode()


def _json(request: Request, body: bytes) -> Response:
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(body, media_type="application/json")
    packed = gzip.compress(body, compresslevel=1, mtime=0)
    return Response(packed, media_type="application/json", headers={"content-encoding": "gzip"})


def _refusal(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return JSONResponse({"message": error.message}, status_code=error.status)


def _no_path(_: Request, __: Exception) -> Response:
    return JSONResponse({"message": NO_SUCH_PATH}, status_code=403)


def _failure(_: Request, __: Exception) -> Response:
    return JSONResponse({"message": "Unexpected error. Please try again later."}, status_code=500)
