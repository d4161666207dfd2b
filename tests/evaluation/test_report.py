import json
import re
from datetime import date
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest

from planted.market import draw, samples
from tosho.contracts import HORIZONS
from tosho.dataset.splits import WalkForward
from tosho.evaluation.attainable import attainable
from tosho.evaluation.ic import daily_ic, summarise
from tosho.evaluation.nulls import no_suspected_leak
from tosho.evaluation.portfolio import quantile_returns
from tosho.evaluation.promotion import Decision
from tosho.evaluation.report import Content, render


@pytest.fixture(scope="module")
def market():
    return samples(draw())


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
        tests=[no_suspected_leak(summarise(daily))],
        importance={"f0": 0.7, "f1": 0.3},
        settings={"leaves": 12},
        notes=["A note."],
        attainable=dict.fromkeys(HORIZONS, 0.2),
    )


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.opened, self.links = [], []

    def handle_starttag(self, tag, attrs):
        self.opened.append(tag)
        self.links += [v for k, v in attrs if k in ("src", "href", "xlink:href") and v and not v.startswith("#")]


def test_the_page_is_one_file_with_its_plots(content):
    tags = Tags()
    page = render(content)
    tags.feed(page)
    assert tags.opened.count("svg") == 6
    assert "script" not in tags.opened
    assert tags.links == []
    assert not re.search(r"@import|url\((?!#)", page)


def test_the_page_says_what_was_decided_and_found(content):
    page = render(content)
    assert "A run with &lt;angles&gt; &amp; more" in page
    assert "Promoted: it had to be." in page
    assert "t = 3 &amp; counting" in page
    for result in summarise(content.daily):
        assert f"{result.rank_ic:+.4f}" in page
    assert "of the attainable 0.2000" in page


def test_the_same_figures_give_the_same_page(content):
    assert render(content) == render(content)


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
