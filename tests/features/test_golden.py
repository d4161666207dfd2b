"""Set core, the graph and the means against independent computations, on the small market; all else where it says."""

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from features import (
    graph_oracle,
    oracle,
    test_alpha158,
    test_flows,
    test_fundamentals,
    test_margin,
    test_options,
    test_short_selling,
)
from features.record_tables import record_tables
from features.small_market import CODES, SmallMarket
from tosho import calendar
from tosho.features import local
from tosho.features.families import means
from tosho.features.panel import build_panel
from tosho.features.plan import plan
from tosho.features.sectors import sector_sums
from tosho.features.sets import feature_set
from tosho.features.spec import Scope

CORE = feature_set("core")
OF_SERIES = [f.name for f in CORE.features if f.scope in {Scope.SERIES, Scope.SECTOR}]
OF_DATES = [f.name for f in CORE.features if f.scope is Scope.MARKET and f.family == "dates"]
OF_MARKET = [f.name for f in CORE.features if f.scope is Scope.MARKET and f.family != "dates"]
OF_SESSION = [f.name for f in CORE.features if f.scope in {Scope.CROSS_SECTION, Scope.GROUP}]
STANDARD = feature_set("standard")
OF_GRAPH = [f.name for f in STANDARD.features if f.scope is Scope.GRAPH]
OF_MEANS = [f"mkt_mean_{name}" for name in means.MEANS_OF]
ELSEWHERE = [
    *test_alpha158.ALPHA158.names, *test_flows.NAMES, *test_fundamentals.NAMES, *test_margin.PUBLISHED,
    *test_short_selling.PUBLISHED, *test_options.NAMES,
]  # fmt: skip
"""Features whose family has golden values in a module of its own, each test for each of these names."""


def test_every_published_feature_has_golden_values() -> None:
    here = [*OF_SERIES, *OF_DATES, *OF_MARKET, *OF_SESSION, *OF_GRAPH, *OF_MEANS]
    assert sorted([*here, *ELSEWHERE]) == sorted(STANDARD.names)


@pytest.fixture(scope="module")
def computed(market: SmallMarket) -> pl.DataFrame:
    panel = build_panel(market.bars, market.shares, market.securities)
    passes = plan(CORE)
    index = local.compute_market(market.indices, passes, panel["session"].unique())
    sectors = local.compute_sectors([sector_sums(panel)], index, passes)
    return local.compute_series(panel, index, passes, sectors=sectors, stored_as=pl.Float64())


@pytest.fixture(scope="module")
def expected(market: SmallMarket) -> dict[str, dict[str, np.ndarray]]:
    rows = {code: oracle.rows_of(market, code) for code in CODES}
    of_sectors = oracle.of_sectors(market, rows)
    return {code: oracle.of_code(rows[code]) | of_sectors[code] for code in CODES}


def assert_same(computed: pl.Series, expected: np.ndarray) -> None:
    got = computed.to_numpy()
    assert (np.isnan(got) == np.isnan(expected)).all(), (
        f"null in other rows: {np.flatnonzero(np.isnan(got) != np.isnan(expected))}"
    )
    np.testing.assert_allclose(got, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", OF_SERIES)
def test_series(computed: pl.DataFrame, expected: dict[str, dict[str, np.ndarray]], name: str) -> None:
    for code in CODES:
        assert_same(computed.filter(pl.col("code") == code)[name], expected[code][name])


@pytest.fixture(scope="module")
def expected_of_market(market: SmallMarket) -> dict[str, np.ndarray]:
    return oracle.of_market(market)


@pytest.mark.parametrize("name", OF_MARKET)
def test_market(
    market: SmallMarket, computed: pl.DataFrame, expected_of_market: dict[str, np.ndarray], name: str
) -> None:
    one_code = computed.filter(pl.col("code") == CODES[0])
    assert one_code["session"].to_list() == market.sessions
    assert_same(one_code[name], expected_of_market[name])


def test_dates(market: SmallMarket, computed: pl.DataFrame) -> None:
    planned = set(calendar.sessions(date(2014, 1, 6), date(2020, 9, 30)))
    one_code = computed.filter(pl.col("code") == CODES[0])
    answers = [oracle.of_dates(session, planned) for session in market.sessions]
    for name in OF_DATES:
        assert one_code[name].to_list() == [answer[name] for answer in answers], name


@pytest.mark.parametrize("place", [300, 700, 905, 959])
def test_session(market: SmallMarket, expected: dict[str, dict[str, np.ndarray]], place: int) -> None:
    session = market.sessions[place]
    panel = build_panel(market.bars, market.shares, market.securities)
    got = local.compute(panel, market.indices, CORE, [session])
    own = {}
    for code in CODES:
        rows = oracle.rows_of(market, code)
        if session in rows.sessions:
            at = rows.sessions.index(session)
            own[code] = {name: values[at] for name, values in expected[code].items()}
            own[code]["new_high"] = oracle.flag(oracle.roll(252, max, rows.h) == rows.h, oracle.roll(252, max, rows.h))[
                at
            ]
            own[code]["new_low"] = oracle.flag(oracle.roll(252, min, rows.l) == rows.l, oracle.roll(252, min, rows.l))[
                at
            ]
    sector = {code: found for (code, at), found in oracle.sector_of(market).items() if at == session}
    answer = oracle.of_session(own, sector)
    assert got["code"].to_list() == sorted(own)
    for name in OF_SESSION:
        np.testing.assert_allclose(
            got[name].to_numpy(), [answer[code][name] for code in sorted(own)], rtol=1e-6, err_msg=name
        )


@pytest.mark.parametrize("place", [300, 905, 959])
def test_means_over_the_universe(market: SmallMarket, place: int) -> None:
    """Of forty features, each of which has its own golden test."""
    panel = build_panel(market.bars, market.shares, market.securities)
    got = local.compute(panel, market.indices, feature_set("full"), [market.sessions[place]])
    assert len(OF_MEANS) == 40
    for name in OF_MEANS:
        known = [value for value in got[name.removeprefix("mkt_mean_")].to_list() if value is not None]
        answer = sum(known) / len(known) if known else np.nan
        stored = got[name].cast(pl.Float64).fill_null(np.nan)
        np.testing.assert_allclose(stored.to_numpy(), [answer] * got.height, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("place", [120, 520, 905, 959])
def test_graph(market: SmallMarket, expected: dict[str, dict[str, np.ndarray]], place: int) -> None:
    """From bars to columns: which sessions and codes the graph is drawn of. The graph itself: `test_graph`."""
    session, newest = market.sessions[place], market.sessions[place - 59 : place + 1]
    rows = {code: oracle.rows_of(market, code) for code in CODES}
    there = sorted(code for code in CODES if session in rows[code].sessions)

    def value(code: str, name: str, at: date) -> float:
        known = dict(zip(rows[code].sessions, expected[code][name], strict=True))
        return float(np.float32(known.get(at, np.nan)))

    window = np.array([[value(code, "logret_1", at) for code in there] for at in newest])
    answer = graph_oracle.graph(window, *(np.array([value(c, n, session) for c in there]) for n in ("ret_1", "ret_5")))
    got = local.compute(build_panel(market.bars, None, market.securities), market.indices, STANDARD, [session])
    assert got["code"].to_list() == there
    assert list(answer) == OF_GRAPH
    assert np.nansum(answer["g_degree"]) > 0
    for name in OF_GRAPH:
        stored = got[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        np.testing.assert_allclose(stored, answer[name], rtol=1e-5, atol=1e-8, err_msg=name)


def test_records_stand_in_the_rows_that_knew_them(market: SmallMarket, tmp_path: Path) -> None:
    """One of each grain, from tables to columns."""
    sector, codes = oracle.sector_of(market), sorted(CODES)
    tables = record_tables(tmp_path, market.sessions, codes, sorted(set(sector.values())))
    wanted = market.sessions[500::23]
    got = local.compute(build_panel(market.bars, None, market.securities), None, STANDARD, wanted, tables)
    for row in got.iter_rows(named=True):
        session, code = row["session"], row["code"]
        week = newest(tables["investor_flows"], session, "week_end", section="TSE1st")
        balance = newest(tables["margin_interest"], session, "applied_on", code=code)
        sold = newest(tables["sector_short_selling"], session, "session", sector33=sector[code, session])
        short = sold["short_restricted_yen"] + sold["short_unrestricted_yen"]
        assert row["frgn_net"] == pytest.approx(week["foreigners_balance"] / week["foreigners_total"], rel=1e-6)
        assert row["sec_short_share"] == pytest.approx(short / (sold["sell_yen"] + short), rel=1e-6)
        assert row["mrg_imb"] == pytest.approx(
            (balance["long_volume"] - balance["short_volume"]) / (balance["long_volume"] + balance["short_volume"]),
            rel=1e-6,
        )


def newest(told: pl.DataFrame, session: date, day: str, **about: str) -> dict[str, Any]:
    known = told.filter(pl.col("session") <= session, **about).sort(day, "session", "known_at")
    return known.row(-1, named=True)
