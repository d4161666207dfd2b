from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import spearmanr

from planted.market import draw, samples
from tosho.contracts import HORIZONS
from tosho.evaluation.groups import by_group, by_year, fifths, labelled
from tosho.evaluation.ic import daily_ic

MARKET = samples(draw(codes=60, length=60))
SCORES = np.repeat(MARKET.features[:, :1], len(HORIZONS), axis=1)
SECTOR = [("a" if code < b"13250" else "b") if code != b"13590" else None for code in MARKET.codes.tolist()]


def test_a_group_is_ordered_within_itself():
    found = {g.name: g for g in by_group(SCORES, MARKET, labelled("sector", SECTOR))}
    assert list(found) == ["a", "b"]
    for name, group in found.items():
        rows = [row for row, sector in enumerate(SECTOR) if sector == name]
        daily = []
        for i in range(len(MARKET.sessions)):
            inside = [row for row in rows if MARKET.bounds[i] <= row < MARKET.bounds[i + 1]]
            daily.append(spearmanr(SCORES[inside, 1], MARKET.returns[inside, 1]).statistic)
        assert group.results[1].rank_ic == pytest.approx(np.mean(daily))
        assert group.results[1].sessions == len(MARKET.sessions)
    assert (found["a"].codes, found["b"].codes) == (25.0, 34.0)


def test_the_spread_of_a_group_is_that_of_its_fifths():
    sector = labelled("sector", SECTOR)
    (group, _) = by_group(SCORES, MARKET, sector)
    spreads = []
    for i in range(len(MARKET.sessions)):
        inside = [r for r in range(MARKET.bounds[i], MARKET.bounds[i + 1]) if SECTOR[r] == "a"]
        order = sorted(inside, key=lambda r: SCORES[r, 0])
        spreads.append(np.mean(MARKET.returns[order[-5:], 0]) - np.mean(MARKET.returns[order[:5], 0]))
    assert group.spreads_bp[0] == pytest.approx(1e4 * np.mean(spreads), rel=1e-5)


def test_a_group_of_few_codes_is_not_measured():
    few = labelled("sector", ["few" if code < b"13190" else "many" for code in MARKET.codes.tolist()])
    by_name = {g.name: g for g in by_group(SCORES, MARKET, few)}
    assert not by_name["few"].is_measured
    assert by_name["many"].is_measured
    assert np.isnan(by_name["few"].spreads_bp[0])


def test_sessions_in_which_a_group_is_small_do_not_count():
    halves = np.arange(MARKET.rows) < MARKET.bounds[30]
    early = labelled(
        "sector", ["early" if h or c < b"13050" else None for h, c in zip(halves, MARKET.codes, strict=True)]
    )
    (group,) = by_group(SCORES, MARKET, early)
    assert group.results[0].sessions == 30
    assert group.codes == 60.0


def test_fifths_are_of_each_session_and_what_is_unknown_belongs_to_none():
    values = np.tile(np.arange(60.0), len(MARKET.sessions)) + np.repeat(np.arange(len(MARKET.sessions)) * 1e3, 60)
    values[3] = np.nan
    found = fifths("liquidity", values, MARKET.bounds)
    assert found.member[60:120].tolist() == [i // 12 for i in range(60)]
    assert found.member[3] == -1
    assert found.names[0] == "1, lowest"


def test_years_are_the_calendars():
    days = tuple(s.replace(year=2022 + i // 20) for i, s in enumerate(MARKET.sessions))
    daily = daily_ic(SCORES, replace(MARKET, sessions=days))
    assert by_year(daily) == (("2022", slice(0, 20)), ("2023", slice(20, len(days))))
