"""The gate passes honest features, names each kind of dishonest one, and knows when it is blind."""

import json

import polars as pl
import pytest

from evaluation.leaks.conftest import ABSENT
from tosho.evaluation.leaks import MarketTooSmallError, checks, judge, market_of, render, to_json
from tosho.evaluation.leaks.canaries import canaries
from tosho.evaluation.leaks.market import Market
from tosho.features.columns import CLOSE, CLOSE_RAW, CODE, MARKET_CLOSE
from tosho.features.grammar import DefinitionError
from tosho.features.plan import plan, plan_of
from tosho.features.sets import feature_set
from tosho.features.spec import Scope, define, features

FOLLOWS = CLOSE.shift(-2) / CLOSE.shift(-1)


def test_every_set_passes_on_a_simulated_market(tables):
    """Set standard holds the features of all others; the market has values of every column that they read."""
    passes = plan(feature_set("standard"))
    market = market_of(tables, passes)
    outcome = judge(market.of(market.codes[:36]), passes, "standard")
    assert outcome.sentences() == []
    assert outcome.unjudged == {}
    assert {one.feature for one in outcome.rank_ics} > set(feature_set("core").names[:50])


@pytest.mark.parametrize(
    ("expression", "scope", "caught"),
    [
        pytest.param(CLOSE / CLOSE.shift(1), Scope.SERIES, set(), id="honest"),
        pytest.param(CLOSE.shift(-1) / CLOSE, Scope.SERIES, {"prefix", "suffix", "warm_up"}, id="next close"),
        pytest.param(FOLLOWS, Scope.SERIES, {"prefix", "suffix", "warm_up", "rank_ic"}, id="the label"),
        pytest.param(
            CLOSE / CLOSE.mean().over("code"), Scope.SERIES, {"prefix", "suffix", "warm_up"}, id="mean of the history"
        ),
        pytest.param(CLOSE.rank().over("session"), Scope.SERIES, {"others"}, id="rank over the session"),
        pytest.param(CLOSE_RAW.ewm_mean(span=5), Scope.SERIES, {"others", "warm_up"}, id="endless memory"),
        pytest.param(
            MARKET_CLOSE.shift(-1) / MARKET_CLOSE, Scope.MARKET, {"prefix", "suffix", "warm_up"}, id="next of the index"
        ),
        pytest.param(pl.when(CODE == ABSENT).then(CLOSE), Scope.SERIES, {"warm_up"}, id="never a value"),
    ],
)
def test_a_leak_is_found_by_name(small, expression, scope, caught):
    found = small.found(expression, scope)
    assert set(found) >= caught
    assert bool(found) == bool(caught)


def test_a_finding_says_where_and_how(small):
    told = small.found(CLOSE.shift(-1) / CLOSE)["prefix"]
    assert "With every table ended at" in told
    assert "35 of 875 values changed: " in told  # the cut itself, of each code


def test_a_rank_ic_is_told_with_horizon_value_and_bound(small):
    assert "with the returns of 1 sessions is +1.000" in small.found(FOLLOWS)["rank_ic"]
    assert "the bound is 0.200" in small.found(FOLLOWS)["rank_ic"]


def test_the_name_of_a_label_is_found(small):
    assert set(small.found(CLOSE / CLOSE.shift(1), name="fwd_ret_5")) == {"names"}


@pytest.mark.parametrize("name", ["y_3", "label", "target_5", "fwd_ret_5", "next_return", "oracle_1", "q05", "score"])
def test_the_name_of_a_label_is_refused(name):
    for named, expression in ((name, CLOSE * 1), ("planted", pl.col(name) * 1)):
        with pytest.raises(DefinitionError, match="label"):
            define(named, Scope.SERIES, "tests", expression, summary="Planted.", published=True)


def test_every_check_has_canaries_and_each_is_refused_by_the_public_registry(small):
    planted = canaries()
    assert {check for canary in planted for check in canary.found_by} == set(checks_asked(small))
    for canary in planted:
        own = canary.feature
        with pytest.raises(DefinitionError):
            plan_of(
                [define(own.name, own.scope, "planted", own.expression, summary="Planted.", published=True)], features()
            )


def checks_asked(small):
    return [answer.check for answer in small.judged(CLOSE / CLOSE.shift(1)).answers]


@pytest.mark.parametrize("seen", ["prefix", "suffix", "order", "others", "warm_up"])
def test_a_check_that_sees_nothing_is_called_blind(small, monkeypatch, seen):
    monkeypatch.setattr(checks, seen, lambda _: {})
    outcome = small.judged(CLOSE / CLOSE.shift(1))
    assert not outcome.passed
    assert all(
        sentence.startswith(f"The gate is blind: {seen} did not find canary_") for sentence in outcome.sentences()
    )
    assert [v.gate for v in outcome.verdicts() if not v.passed] == [f"leaks.{seen}.canaries"]


def test_a_cut_that_cuts_nothing_is_noticed(small, monkeypatch):
    monkeypatch.setattr(Market, "until", lambda self, _: self)
    blind = [sentence for sentence in small.judged(CLOSE / CLOSE.shift(1)).sentences() if "blind: prefix" in sentence]
    assert len(blind) == 6


def test_a_market_that_cannot_be_cut_is_refused(small):
    passes = plan_of([], features())
    short = small.market(passes).until(small.market(passes).sessions[40])
    with pytest.raises(MarketTooSmallError, match=r"The market has 41 sessions; .* needs 60 at least"):
        judge(short, passes, "short")


def test_a_feature_that_the_market_cannot_show_is_told(small):
    poor = small.without("shares")
    passes = plan_of([features()["turnover"], features()["mom_12_1"]], features())
    outcome = judge(poor.market(passes), passes, "poor")
    assert outcome.passed
    assert outcome.unjudged["turnover"] == "The market has no shares_outstanding."
    assert outcome.unjudged["mom_12_1"].startswith("It looks back on ")


def test_without_an_index_and_statements_every_canary_is_found(small):
    assert small.without("indices").without("shares").judged(CLOSE / CLOSE.shift(1)).passed


def test_without_an_index_what_stands_in_for_it_is_judged(small):
    poor = small.without("indices")
    passes = plan_of([features()[name] for name in ("mkt_ret_5", "beta_20", "mkt_natr14")], features())
    outcome = judge(poor.market(passes), passes, "poor")
    assert outcome.sentences() == []
    assert outcome.unjudged == {"mkt_natr14": "The market has no mkt_high, mkt_low."}


def test_what_is_written_tells_all_findings(small):
    outcome = small.judged(CLOSE.shift(-1) / CLOSE)
    told, page = json.loads(to_json(outcome)), render(outcome)
    assert (told["passed"], told["features"], told["codes"]) == (False, 1, 35)
    assert told["sentences"] == outcome.sentences()
    assert all(found["canaries"] and all(found["canaries"].values()) for found in told["checks"])
    assert "A feature may know what comes later." in page
    assert page.count("<p>prefix: offender.") == 1
    assert "$" not in page
