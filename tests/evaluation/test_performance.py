import numpy as np
import pytest

from planted.market import draw, samples
from tosho.contracts import HORIZONS
from tosho.evaluation.book import Trading
from tosho.evaluation.performance import books, cost_table
from tosho.evaluation.sharpe import Trials, sharpe

MARKET = samples(draw(codes=50, length=140, strength=0.3))
SCORES = np.repeat(MARKET.features[:, :1], len(HORIZONS), axis=1)


@pytest.fixture(scope="module")
def found():
    return books(SCORES, MARKET, Trading(cost_bp=7.0), Trials(12))


def test_the_figures_are_those_of_the_books(found):
    for made, h in zip(found.figures(), HORIZONS, strict=True):
        book = found.parts[h]
        net = book.gross - 7e-4 * book.traded
        known = net[np.isfinite(net)]
        assert made.sessions == known.size == len(MARKET.sessions) - h
        assert made.net_bp == pytest.approx(1e4 * known.mean())
        assert made.sharpe == pytest.approx(known.mean() / known.std(ddof=1) * np.sqrt(245))
        assert made.turnover == pytest.approx(np.nanmean(book.traded) / 4)
        assert made.competition == pytest.approx(sharpe(found.competition[h].gross))
        assert made.held == 5.0


def test_at_the_break_even_cost_nothing_is_left(found):
    for i, made in enumerate(found.figures()):
        ((_, left),) = cost_table(found, [made.break_even_bp])
        assert left[i] == pytest.approx(0.0, abs=1e-9)


def test_a_planted_signal_earns_and_a_longer_holding_trades_less(found):
    figures = found.figures()
    assert figures[0].gross_bp > 0
    assert figures[0].turnover > figures[1].turnover > figures[3].turnover


def test_the_notes_tell_costs_trials_and_the_shrunk_universe(found):
    told = " ".join(found.notes())
    assert "each trade costs 7 basis points one way" in told
    assert "12 trials" in told
    assert "legs hold 5 codes each, a tenth, and not 200" in told


def test_a_history_shorter_than_the_holding_has_no_figures():
    short = MARKET.between(*MARKET.sessions[:10:9])
    last = books(SCORES[: short.rows], short, Trading(), Trials(1)).figures()[3]
    assert last.sessions == 0
    assert np.isnan([last.gross_bp, last.net_bp, last.sharpe, last.deflated, last.competition]).all()
