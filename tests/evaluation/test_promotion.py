from datetime import date

import numpy as np
import pytest

from tosho.calendar import offset, sessions
from tosho.evaluation import promotion
from tosho.evaluation.ic import DailyIC
from tosho.evaluation.nulls import NullTest
from tosho.evaluation.promotion import Champion

RNG = np.random.default_rng(2)
DAYS = sessions(date(2024, 1, 4), offset(date(2024, 1, 4), 149))
NOISE = RNG.normal(0, 0.05, (150, 1))
PASSED = NullTest("shuffled labels", 0.0, 0.01, passed=True, sentence="fine")
KNEW = offset(DAYS[-1], 21)


def decide(challenger, tests, champion, knew=KNEW):
    return promotion.decide(challenger, tests, champion, knew)


def series(mean, days=DAYS, noise=NOISE):
    rank = np.repeat(mean + noise[: len(days)], 4, axis=1)
    return DailyIC(tuple(days), rank, rank)


def test_the_first_model_that_beats_zero_is_promoted():
    decision = decide(series(0.04), [PASSED], None)
    assert decision.promoted
    assert decision.reasons[0] == "Promoted: the first model that beats zero."
    assert "on 150 out-of-sample sessions, t = " in decision.reasons[1]


def test_the_first_model_that_does_not_beat_zero_is_not_promoted():
    decision = decide(series(0.0), [PASSED], None)
    assert not decision.promoted
    assert decision.reasons[0] == "Not promoted: it does not beat zero."


def test_a_failed_test_blocks_promotion_with_its_own_words():
    leak = NullTest("suspected leak", 0.2, 0.1, passed=False, sentence="A leak is suspected.")
    decision = decide(series(0.04), [PASSED, leak], None)
    assert not decision.promoted
    assert decision.reasons == ("Not promoted: a test failed.", "A leak is suspected.")


def test_a_challenger_that_is_better_every_day_is_promoted():
    small = RNG.normal(0, 0.005, (150, 1))
    decision = decide(series(0.05, noise=NOISE + small), [PASSED], Champion("7", series(0.04), KNEW))
    assert decision.promoted
    assert "Against champion 7 on 150 common sessions" in decision.reasons[1]


def test_a_challenger_that_is_better_by_luck_is_not():
    other = RNG.normal(0, 0.05, (150, 1))
    decision = decide(series(0.041, noise=other), [PASSED], Champion("7", series(0.04), KNEW))
    assert not decision.promoted
    assert decision.reasons[0] == "Not promoted: it does not beat the champion."


def test_a_challenger_that_is_the_champion_over_again_is_not():
    assert not decide(series(0.04), [PASSED], Champion("7", series(0.04), KNEW)).promoted


@pytest.mark.parametrize("shared", [0, 59])
def test_few_common_sessions_are_no_comparison(shared):
    earlier = sessions(offset(DAYS[0], shared - 150), DAYS[shared - 1] if shared else offset(DAYS[0], -1))
    decision = decide(series(0.06), [PASSED], Champion("7", series(0.01, earlier), KNEW))
    assert not decision.promoted
    assert f"It shares {shared} out-of-sample sessions with champion 7; a comparison takes 60." in decision.reasons


def test_a_champion_whose_features_are_retired_gives_way_to_what_beats_zero():
    champion = Champion("7", series(0.09), KNEW, "the champion's feature set core is number 1; it is now 2.")
    assert decide(series(0.04), [PASSED], champion).promoted
    assert not decide(series(0.0), [PASSED], champion).promoted


@pytest.mark.parametrize("retired", ["", "the champion's feature set core is number 1; it is now 2."])
def test_a_challenger_that_knew_less_of_the_market_is_never_promoted(retired):
    champion = Champion("7", series(0.0), KNEW, retired)
    better = series(0.05, noise=NOISE + RNG.normal(0, 0.005, (150, 1)))
    decision = decide(better, [PASSED], champion, offset(KNEW, -1))
    assert not decision.promoted
    assert f"up to {offset(KNEW, -1)}, that of champion 7 up to {KNEW}" in decision.reasons[1]
    assert decide(better, [PASSED], champion, KNEW).promoted


def test_intervals_that_do_not_hold_keep_the_champion_and_say_so():
    small = RNG.normal(0, 0.005, (150, 1))
    better, champion = series(0.05, noise=NOISE + small), Champion("7", series(0.04), KNEW)
    decision = promotion.decide(better, [PASSED], champion, KNEW, ["80 % lay inside."])
    assert not decision.promoted
    assert decision.reasons[:2] == ("Not promoted: its intervals do not hold.", "80 % lay inside.")
    assert promotion.decide(better, [PASSED], None, KNEW, ["80 % lay inside."]).promoted
