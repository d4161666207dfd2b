import json
import re
from dataclasses import replace

import numpy as np
import pytest

from planted.market import draw, samples
from tosho.evaluation.book import Trading
from tosho.evaluation.comparison import Candidate, Comparison, NothingToCompareError, figures
from tosho.evaluation.comparison_report import write
from tosho.evaluation.groups import by_group, labelled
from tosho.evaluation.ic import daily_ic, estimate
from tosho.evaluation.paired import paired
from tosho.evaluation.performance import books
from tosho.evaluation.sharpe import Trials

MARKET = samples(draw(codes=80, length=130, strength=0.3))
RNG = np.random.default_rng(14)
SECTOR = labelled("sector", ["<steel>" if i % 80 < 40 else "air" for i in range(MARKET.rows)])


def scored(noise, market=MARKET):
    signal = market.features[:, 0] - 0.5 * market.features[:, 1]
    return np.repeat((signal + noise * RNG.normal(size=market.rows))[:, None], 4, axis=1)


def candidate(noise, market=MARKET):
    scores = scored(noise, market)
    sector = replace(SECTOR, member=SECTOR.member[-market.rows :])
    groups = {"sector": by_group(scores, market, sector)}
    return Candidate(daily_ic(scores, market), books(scores, market, Trading(), Trials(3)), groups)


@pytest.fixture(scope="module")
def compared():
    later = MARKET.between(MARKET.sessions[20], MARKET.sessions[-1])
    models = {"LightGBM": candidate(2.0), "network <b>": candidate(0.2, later), "ensemble": candidate(2.0)}
    without = {"FAN": daily_ic(scored(3.0), MARKET), "nothing": models["network <b>"].daily}
    return Comparison("Models & more", "of a test", models, "network <b>", without, ["A <note>."])


@pytest.fixture(scope="module")
def page(compared, tmp_path_factory):
    path, _ = write(tmp_path_factory.mktemp("compared"), compared)
    return path.read_text()


def test_models_are_compared_on_the_sessions_that_all_have(compared):
    aligned = compared.aligned()
    assert {daily.sessions for daily in aligned.values()} == {MARKET.sessions[20:]}
    whole = compared.candidates["LightGBM"].daily
    assert aligned["LightGBM"].rank.tolist() == whole.rank[20:].tolist()


def test_each_two_models_are_tested_in_pairs(compared):
    pairs = compared.pairs()
    assert list(pairs) == [("LightGBM", "network <b>"), ("LightGBM", "ensemble"), ("network <b>", "ensemble")]
    found = pairs["LightGBM", "network <b>"]
    daily = {name: c.daily for name, c in compared.candidates.items()}
    assert found == paired(daily["network <b>"], daily["LightGBM"])
    assert found.overall.mean > 0
    assert found.overall.t > 2


def test_an_ablation_is_what_is_lost_without_the_block(compared):
    assert compared.gains()["FAN"].overall.mean > 0
    assert compared.gains()["nothing"].overall.mean == 0.0


def test_the_page_tells_the_verdicts_and_escapes_what_it_is_given(compared, page):
    assert "network &lt;b&gt; is better" in page
    assert "not told apart" in page
    assert "no difference shown" in page
    assert "Models &amp; more" in page
    assert "<td>&lt;steel&gt;</td><td>40</td>" in page
    overall = estimate(compared.aligned()["ensemble"])
    assert f"{overall.mean:+.4f} ({overall.t:.1f})" in page
    assert page.count("<svg") == 3


def test_the_page_is_one_file(page):
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert not re.search(r"@import|url\((?!#)", page)


def test_the_figures_are_kept_as_plain_json(compared, page):
    told = figures(compared)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["sessions"] == [s.isoformat() for s in MARKET.sessions[20:]]
    assert told["models"]["ensemble"]["books"][0]["horizon"] == 1
    assert told["paired"][0]["model"] == "network <b>"
    assert told["ablations"]["nothing"]["overall"]["t"] is None


def test_one_model_is_no_comparison():
    with pytest.raises(NothingToCompareError, match=r"1 models were given \(one\)"):
        Comparison("t", "s", {"one": candidate(1.0)})


def test_models_without_a_common_session_are_refused():
    early, late = MARKET.between(*MARKET.sessions[:41:40]), MARKET.between(MARKET.sessions[41], MARKET.sessions[-1])
    with pytest.raises(NothingToCompareError, match="they share 0 sessions"):
        Comparison("t", "s", {"a": candidate(1.0, early), "b": candidate(1.0, late)})


def test_ablations_of_a_model_that_is_not_there_are_refused(compared):
    with pytest.raises(NothingToCompareError, match="said to be of 'other'"):
        replace(compared, ablated="other")
