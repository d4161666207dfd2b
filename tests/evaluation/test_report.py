import json
import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from planted.market import draw, samples
from tosho.contracts import HORIZONS
from tosho.dataset.splits import WalkForward
from tosho.evaluation.attainable import attainable
from tosho.evaluation.book import Trading
from tosho.evaluation.calibration import calibration, coverage
from tosho.evaluation.groups import by_group, labelled
from tosho.evaluation.ic import daily_ic, summarise
from tosho.evaluation.nulls import no_suspected_leak
from tosho.evaluation.performance import books
from tosho.evaluation.portfolio import quantile_returns
from tosho.evaluation.promotion import Decision
from tosho.evaluation.report import Content, render
from tosho.evaluation.sharpe import Trials

DRAWN = draw()
SECTORS = labelled("sector", ["<steel>"] * 70 + ["air"] * 30)
SECTORS = replace(SECTORS, member=np.tile(SECTORS.member, len(DRAWN.sessions) - 21))


@pytest.fixture(scope="module")
def market():
    return samples(DRAWN)


@pytest.fixture(scope="module")
def content(market):
    scores = np.repeat(market.features[:, :1], len(HORIZONS), axis=1)
    daily = daily_ic(scores, market)
    folds = WalkForward().fitted(len(market.sessions)).folds(market.sessions)
    return Content(
        title="A run with <angles> & more",
        subtitle="of a test",
        decision=Decision(promoted=True, reasons=("Promoted: it had to be.", "t = 3 & counting")),
        daily=daily,
        folds=[(fold, summarise(daily)) for fold in folds],
        quantiles={
            h: quantile_returns(scores[:, i], market.returns[:, i], market.bounds) for i, h in enumerate(HORIZONS)
        },
        books=books(scores, market, Trading(), Trials(4)),
        groups={"sector": by_group(scores, market, SECTORS)},
        tests=[no_suspected_leak(summarise(daily))],
        importance={"f0": 0.7, "f1": 0.3},
        settings={"leaves": 12},
        notes=["A note."],
        attainable=dict.fromkeys(HORIZONS, 0.2),
    )


@pytest.fixture(scope="module")
def page(content):
    return render(content)


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.opened, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v and not v.startswith("#")]


def test_the_page_is_one_file_with_its_plots(page):
    tags = Tags()
    tags.feed(page)
    assert tags.opened.count("svg") == 8
    assert "script" not in tags.opened
    assert tags.links == []
    assert not re.search(r"@import|url\((?!#)", page)


def test_the_page_says_what_was_decided_and_found(content, page):
    assert "A run with &lt;angles&gt; &amp; more" in page
    assert "Promoted: it had to be." in page
    assert "t = 3 &amp; counting" in page
    for result in summarise(content.daily):
        assert f"{result.rank_ic:+.4f}" in page
    assert "of the attainable 0.2000" in page


def test_the_page_tells_what_books_earn_and_where(content, page):
    for found in content.books.figures():
        assert f"<td>{found.net_bp:+.2f}</td>" in page
        assert f"<td>{found.competition:+.3f}</td>" in page
    assert "each trade costs 10 basis points one way" in page
    assert "<td>&lt;steel&gt;</td><td>70</td>" in page
    assert "<td>2024</td>" in page


def test_a_model_that_forecasts_quantiles_shows_whether_they_hold(content, market, page):
    assert "Do the forecast quantiles" not in page
    quantiles = np.broadcast_to([-0.02, 0.0, 0.02], (market.rows, 4, 3))
    with_forecasts = render(
        replace(
            content,
            calibration=calibration(quantiles, market, (0.05, 0.5, 0.95)),
            coverage=coverage(quantiles[..., ::2], market),
        )
    )
    assert "Do the forecast quantiles and intervals hold?" in with_forecasts
    held = np.mean(np.abs(market.returns[:, 0]) <= 0.02)
    assert f"<td>{held:.1%}</td>" in with_forecasts
    assert with_forecasts.count("<svg") == 10


def test_the_same_figures_give_the_same_page(content, page):
    assert render(content) == page


def test_the_attainable_ic_is_that_of_the_truth_over_these_rows(market, tmp_path):
    days = np.repeat(np.array(market.sessions, dtype="datetime64[D]"), np.diff(market.bounds))
    truth = {"Date": days, "Code": market.codes.astype(str)} | {
        f"oracle_{h}": market.returns[:, i] for i, h in enumerate(HORIZONS)
    }
    frame = pl.DataFrame(truth).sample(fraction=1.0, shuffle=True, seed=0)
    other = frame.with_columns(pl.lit(date(1999, 1, 4)).alias("Date"))
    pl.concat([other, frame]).write_parquet(tmp_path / "truth.parquet")
    assert attainable(tmp_path, market) == pytest.approx(dict.fromkeys(HORIZONS, 1.0))


def test_without_forecasts_the_attainable_ic_is_that_of_the_whole_market(market, tmp_path):
    told = {"attainable": {str(h): {"rank_ic": 0.01 * h} for h in HORIZONS}}
    (tmp_path / "truth.json").write_text(json.dumps(told))
    assert attainable(tmp_path, market) == {h: 0.01 * h for h in HORIZONS}
