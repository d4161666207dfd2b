"""The weekly graph against loops, and the law that it holds to: nothing later than its session is in it."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import graph_oracle as oracle
from parity import market
from tosho import calendar
from tosho.dataset.graph import GraphPlan, drawn_at, log_returns, weeks_of
from tosho.features.graph_columns import RETURN, graph_returns
from tosho.features.panel import build_panel

PLAN = GraphPlan(strongest=3, sector=2)
DAYS = market.sessions(90)
BARS = market.bars(DAYS, codes=24)
CODES = pl.Series("code", market.codes_of(24))
SECTOR = np.array([("", "9999", "2050", "3050")[i % 4] for i in range(24)])
SEGMENT = np.array([("0111", "0112", "")[i % 3] for i in range(24)])


def listed_at(session, bars=BARS):
    return CODES.is_in(bars.filter(pl.col("session") == session)["code"].implode()).to_numpy()


def draw(bars, session, seen=None):
    """The graph of a session; `seen` is the session up to which data is looked at, by right the same."""
    window = log_returns(bars, seen or session, CODES)
    return PLAN.draw(window, listed_at(session, bars), SECTOR, SEGMENT)


def expected(window, listed):
    """Every code's neighbours by loops: [(other, rho, same sector, same segment)]."""
    series = [list(map(float, column)) for column in window.T]
    there = [i for i in range(len(series)) if listed[i]]
    enough = {i for i in there if sum(not math.isnan(v) for v in series[i]) >= 40}
    found = {}
    for i in range(len(series)):
        rho = {
            j: oracle.correlation(series[i], series[j]) if {i, j} <= enough else 0.0
            for j in there
            if i in there and j != i
        }
        order = sorted(rho, key=lambda j: (-abs(rho[j]), j))
        strong = [j for j in order if abs(rho[j]) >= 0.3][: PLAN.strongest]
        of_sector = SECTOR[i] not in {"", "9999"}
        more = [j for j in order if SECTOR[j] == SECTOR[i] and of_sector and j not in strong][: PLAN.sector]
        found[i] = [
            (j, rho[j], SECTOR[i] == SECTOR[j] and of_sector, SEGMENT[i] == SEGMENT[j] != "") for j in [*strong, *more]
        ]
    return found


@pytest.mark.parametrize("session", [DAYS[45], DAYS[75], DAYS[-1]])
def test_against_loops(session):
    window, listed = log_returns(BARS, session, CODES), listed_at(session)
    found, links = draw(BARS, session), expected(window, listed)
    assert any(len(mine) == PLAN.degree for mine in links.values())
    for code, mine in links.items():
        kept = found.table[code] >= 0
        assert found.table[code][kept].tolist() == [other for other, *_ in mine]
        assert found.edges[code][kept] == pytest.approx(np.array([edge for _, *edge in mine]).reshape(-1, 3), abs=1e-6)
        assert not found.edges[code][~kept].any()


def test_the_strongest_stand_left_and_the_sector_after_them():
    found = draw(BARS, DAYS[-1])
    strong = np.where(found.table[:, :3] >= 0, np.abs(found.edges[:, :3, 0]), np.nan)
    assert np.nanmin(strong) >= 0.3
    assert (np.diff(strong, axis=1)[~np.isnan(strong[:, 1:])] <= 0).all()
    assert found.edges[:, 3:, 1][found.table[:, 3:] >= 0].all()


def test_who_is_not_listed_has_no_neighbour_and_is_none():
    found, listed = draw(BARS, DAYS[-1]), listed_at(DAYS[-1])
    assert (~listed).any()
    assert (found.table[~listed] == -1).all()
    assert not np.isin(found.table, np.flatnonzero(~listed)).any()


def test_a_newcomer_is_linked_by_sector_alone():
    window = log_returns(BARS, DAYS[-1], CODES)
    window[:30, 2] = np.nan  # a code of sector 2050 with 30 returns
    found = PLAN.draw(window, np.ones(24, bool), SECTOR, SEGMENT)
    assert found.table[2].tolist() == [-1, -1, -1, 6, 10]
    assert found.edges[2, 3:].tolist() == [[0, 1, 1 * (SEGMENT[2] == SEGMENT[j] != "")] for j in (6, 10)]


def test_returns_are_those_of_the_graph_features():
    panel = build_panel(BARS, sessions=DAYS)
    wide = graph_returns(panel).pivot("code", index="session", values=RETURN).sort("session").select(CODES.to_list())
    assert np.array_equal(log_returns(BARS, DAYS[-1], CODES), wide.tail(60).to_numpy(), equal_nan=True)


def test_other_codes_in_the_market_change_no_edge_between_two():
    """Codes come and go from the panel of a longer range: a pair's rho keeps its bits."""
    window, few = log_returns(BARS, DAYS[-1], CODES), np.arange(0, 24, 2)
    whole = GraphPlan(23, 0).draw(window, np.ones(24, bool), SECTOR, SEGMENT)
    part = GraphPlan(23, 0).draw(window[:, few], np.ones(12, bool), SECTOR[few], SEGMENT[few])

    def rho_of(graph, place):
        rows, columns = np.nonzero(graph.table >= 0)
        others = graph.table[rows, columns]
        return dict(zip(zip(place[rows], place[others], strict=True), graph.edges[rows, columns, 0], strict=True))

    known, within = rho_of(whole, np.arange(24)), rho_of(part, few)
    assert within
    assert within == {pair: rho for pair, rho in known.items() if pair[0] % 2 == pair[1] % 2 == 0}


@st.composite
def later_changes(draw):
    """Bars with everything after a session changed, cut off or shuffled."""
    cut = draw(st.sampled_from(DAYS[60:-1]))
    later, factor = pl.col("session") > cut, draw(st.floats(0.2, 5.0))
    noise = pl.Series(np.random.default_rng(draw(st.integers(0, 99))).lognormal(0, 0.1, BARS.height))
    changed = BARS.with_columns(
        pl.when(later).then(pl.col("close") * noise * factor).otherwise("close").alias("close"),
        pl.when(later).then(factor).otherwise("adj_factor").alias("adj_factor"),
    )
    return cut, changed.filter(~later) if draw(st.booleans()) else changed


def holds(build, cut, changed):
    """The law: of data changed after a session, that session's graph knows nothing."""
    return all(np.array_equal(a, b) for a, b in zip(build(BARS, cut), build(changed, cut), strict=True))


@settings(max_examples=10, deadline=None)
@given(later_changes())
def test_later_data_changes_no_earlier_edge(change):
    assert holds(draw, *change)


def test_a_graph_that_looks_one_session_ahead_breaks_the_law():
    def leaking(bars, session):
        return draw(bars, session, seen=calendar.offset(session, 1))

    cut = DAYS[70]
    changed = BARS.with_columns(pl.when(pl.col("session") > cut).then(pl.col("close") ** 2).otherwise("close"))
    assert holds(draw, cut, changed)
    assert not holds(leaking, cut, changed)


@given(st.sampled_from(calendar.sessions(date(2023, 1, 4), date(2024, 12, 30))))
def test_a_graph_holds_from_its_weeks_first_session_on(session):
    drawn = drawn_at(session)
    assert drawn <= session
    assert drawn.isocalendar()[:2] == session.isocalendar()[:2]
    assert calendar.previous_session(drawn) < drawn - timedelta(days=drawn.weekday())


def test_the_weeks_of_a_range_begin_with_the_graph_of_its_first_session():
    wednesday = date(2024, 6, 5)
    weeks = weeks_of(calendar.sessions(wednesday, date(2024, 6, 18)))
    assert weeks == (date(2024, 6, 3), date(2024, 6, 10), date(2024, 6, 17))
