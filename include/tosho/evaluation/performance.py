"""A book in figures: its return before and after costs, what it trades, and how much of it may be luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tosho.contracts import HORIZONS
from tosho.dataset.cross_section import Float64s, Floats
from tosho.dataset.samples import Samples
from tosho.evaluation.book import Book, Trading, book
from tosho.evaluation.legs import Competition, Tenths
from tosho.evaluation.sharpe import Trials, deflated, drawdown, sharpe
from tosho.evaluation.significance import newey_west


@dataclass(frozen=True)
class Performance:
    """Figures of a horizon's books, over the sessions in which they are whole.

    Args:
        horizon: Sessions that a position is held.
        sessions: How many the figures rest on.
        gross_bp: Mean daily return of the top leg less the bottom one, basis points.
        net_bp: The same after costs.
        t: Of `net_bp`, after Newey and West with the horizon as lag.
        turnover: Mean share of the book that is replaced a session.
        break_even_bp: One-way cost at which nothing would be left.
        sharpe: Of the net return, a year.
        drawdown: Deepest fall of the summed net return, fraction of the capital.
        deflated: Probability that the net Sharpe ratio is more than the best of the trials has by chance.
        competition: Mean over standard deviation of the daily return of the JPX competition's legs, before costs.
        held: Codes in each of the competition's legs, the mean over sessions.
        unpriced: Share of what is held that had no return.
    """

    horizon: int
    sessions: int
    gross_bp: float
    net_bp: float
    t: float
    turnover: float
    break_even_bp: float
    sharpe: float
    drawdown: float
    deflated: float
    competition: float
    held: float
    unpriced: float


@dataclass(frozen=True)
class Books:
    """The books of all horizons: highest against lowest part, and the legs of the JPX competition."""

    trading: Trading
    trials: Trials
    parts: Mapping[int, Book]
    competition: Mapping[int, Book]

    def figures(self) -> tuple[Performance, ...]:
        """Return the figures of each horizon."""
        return tuple(self._of(h) for h in HORIZONS)

    def notes(self) -> tuple[str, ...]:
        """Return what a reader has to know of how the figures were made."""
        book = (
            f"A book holds the highest and the lowest of {self.trading.parts} parts of the scores for as many sessions "
            f"as the horizon says; each trade costs {self.trading.cost_bp:g} basis points one way."
        )
        return book, f"The deflated Sharpe ratio allows for {self.trials}.", *self._shrunk()

    def _shrunk(self) -> tuple[str, ...]:
        held = [b.held[b.held > 0] for b in self.competition.values()]
        least, most = (int(f([f(h) for h in held if h.size], default=0)) for f in (min, max))
        full, legs = Competition().most, f"{least}" if least == most else f"{least} to {most}"
        if least >= full:
            return ()
        return (f"The universe is small: the JPX competition's legs hold {legs} codes each, a tenth, and not {full}.",)

    def _of(self, horizon: int) -> Performance:
        made, cost = self.parts[horizon], self.trading.cost_bp
        net = made.net(cost)
        found = newey_west(net, horizon)
        gross, traded = _mean(made.gross[np.isfinite(net)]), _mean(made.traded)
        jpx = self.competition[horizon]
        return Performance(
            horizon,
            found.sessions,
            1e4 * gross,
            1e4 * found.mean,
            found.t,
            _mean(made.turnover),
            1e4 * gross / traded if traded > 0 else float("nan"),
            sharpe(net) * self.trading.sessions_per_year**0.5,
            drawdown(net),
            deflated(net, self.trials),
            sharpe(jpx.gross),
            _mean(jpx.held.astype(np.float64)),
            _mean(made.unpriced),
        )


def books(scores: Floats, samples: Samples, trading: Trading, trials: Trials) -> Books:
    """Return the books that follow scores, `[rows, horizons]`, each horizon's its own."""
    tenths, competition = Tenths(trading.parts), Competition()
    return Books(
        trading,
        trials,
        {h: book(scores[:, i], samples, h, tenths) for i, h in enumerate(HORIZONS)},
        {h: book(scores[:, i], samples, h, competition) for i, h in enumerate(HORIZONS)},
    )


def cost_table(found: Books, costs_bp: Sequence[float]) -> tuple[tuple[float, tuple[float, ...]], ...]:
    """Return for each one-way cost the mean daily return that is left, basis points, by horizon."""
    return tuple((cost, tuple(1e4 * _mean(found.parts[h].net(cost)) for h in HORIZONS)) for cost in costs_bp)


def _mean(values: Float64s) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")
