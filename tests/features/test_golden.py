"""Every feature of set core against an independent computation, on every row of the small market."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from features import oracle
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
    assert len(means.MEANS_OF) == 40
    for name in means.MEANS_OF:
        known = [value for value in got[name].to_list() if value is not None]
        answer = sum(known) / len(known) if known else np.nan
        stored = got[f"mkt_mean_{name}"].cast(pl.Float64).fill_null(np.nan)
        np.testing.assert_allclose(stored.to_numpy(), [answer] * got.height, rtol=1e-6, atol=1e-9, err_msg=name)
