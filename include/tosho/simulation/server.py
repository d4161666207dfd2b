"""J-Quants V2 over HTTP, from any market folder: the same paths, fields, paging, limits and error bodies.

What differs from the real service: data is there at once unless a clock is given; `UL` and `LL` are null where the
folder does not know them, and the half-day blocks of the premium plan always are; there is no block of five minutes
after many refused requests.
"""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Literal
from urllib.parse import quote, urlencode

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
from tosho.ingest.plans import FINS_PER_MINUTE, PLANS
from tosho.simulation.answers import BAD_KEY, NO_SUCH_PATH, NOT_IN_PLAN, ApiError
from tosho.simulation.datasets import Clock, Datasets, Query
from tosho.simulation.limits import RateLimit
from tosho.simulation.market_folder import load_market
from tosho.simulation.paging import page_of

PAGE_ROWS: Final = 2_000
URL_SECONDS: Final = 300

PerMinute = int | Literal["plan"] | None
"""Requests a minute: the plan's own number, another one, or None for no limit."""


@dataclass(frozen=True)
class Gate:
    """Who may ask, and how often."""

    api_key: str = field(repr=False)
    plan: Plan
    general: RateLimit
    statements: RateLimit

    def admit(self, endpoint: str, given_key: str) -> None:
        """Let a request through.

        Raises:
            ApiError: The key is another one, the plan does not have the endpoint, or it is asked too often.
        """
        if not hmac.compare_digest(given_key.encode(), self.api_key.encode()):
            raise ApiError(403, BAD_KEY)
        (self.statements if endpoint == plans.FINS else self.general).admit()
        if endpoint not in PLANS[self.plan].endpoints:
            raise ApiError(403, NOT_IN_PLAN)


@dataclass(frozen=True)
class SignedUrls:
    """Addresses of files that open without a key, for some minutes."""

    seconds: int
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def sign(self, base: str, key: str) -> str:
        """Return the address of a file."""
        expires = str(int(time.time()) + self.seconds)
        query = urlencode({"expires": expires, "signature": self._signature(key, expires)})
        return f"{base.rstrip('/')}/bulk-files/{quote(key)}?{query}"

    def check(self, key: str, query: Query) -> None:
        """Refuse an address that was altered or is too old."""
        expires = query.get("expires", "")
        right = hmac.compare_digest(query.get("signature", ""), self._signature(key, expires))
        if not right or int(expires) <= time.time():
            raise ApiError(403, "The address has expired. Ask /bulk/get for another one.")

    def _signature(self, key: str, expires: str) -> str:
        return hmac.new(self.secret, f"{key} {expires}".encode(), hashlib.sha256).hexdigest()


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
    is_session(data.today())  # the calendar takes seconds to load: now, not in the first answer
    general = PLANS[plan].per_minute if rate_per_minute == "plan" else rate_per_minute
    limit = None if general is None else min(general, FINS_PER_MINUTE)
    gate = Gate(api_key, plan, RateLimit(general), RateLimit(limit))
    urls = SignedUrls(url_seconds)
    paged: dict[str, Callable[[Query], pl.DataFrame]] = {
        plans.MASTER: data.master, plans.BARS: data.bars, plans.TOPIX: data.topix, plans.FINS: data.statements,
        plans.INVESTORS: data.investors,
    }  # fmt: skip
    whole = {plans.CALENDAR: data.calendar, plans.BULK_LIST: data.bulk_list}

    def answer(endpoint: str, body: Callable[[Request], bytes]) -> Route:
        def respond(request: Request) -> Response:
            gate.admit(endpoint, request.headers.get("x-api-key", ""))
            return _json(request, body(request))

        return Route(f"/v2{endpoint}", respond)

    def download(request: Request) -> Response:
        key = request.path_params["key"]
        urls.check(key, request.query_params)
        return Response(data.bulk_content(key), media_type="application/gzip")

    def signed(request: Request) -> bytes:
        return json.dumps({"url": urls.sign(str(request.base_url), data.bulk_key(request.query_params))}).encode()

    routes = [answer(path, partial(_page, rows, page_rows)) for path, rows in paged.items()]
    routes += [answer(path, partial(_whole, rows)) for path, rows in whole.items()]
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


def _page(rows: Callable[[Query], pl.DataFrame], size: int, request: Request) -> bytes:
    query = request.query_params
    page = page_of(rows(query), query, size)
    more = f',"pagination_key":{json.dumps(page.next_key)}' if page.next_key else ""
    return f'{{"data":{page.rows.write_json()}{more}}}'.encode()


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
