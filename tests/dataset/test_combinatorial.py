from datetime import date, timedelta
from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tosho.dataset.combinatorial import Combinatorial
from tosho.dataset.splits import PurgeError, TooShortError

DAYS = [date(2015, 1, 1) + timedelta(i) for i in range(1500)]
PLANS = st.builds(
    lambda blocks, tested, validation, horizon, spare, embargo: Combinatorial(
        blocks, min(tested, blocks - 1), validation, horizon, 1 + horizon + spare, embargo
    ),
    blocks=st.integers(2, 7),
    tested=st.integers(1, 3),
    validation=st.integers(1, 60),
    horizon=st.integers(1, 20),
    spare=st.integers(0, 3),
    embargo=st.integers(0, 5),
)


def splits_of(plan, length):
    try:
        return plan.over(DAYS[:length])
    except TooShortError:
        assume(False)


def far_enough(kept, held_out, plan):
    """Tell by plain counting whether the gaps around every session that is held out are whole."""
    held = set(held_out.tolist())
    gaps = {h - k for h in held for k in range(1, plan.purge + 1)}
    gaps |= {h + k for h in held for k in range(1, plan.purge + plan.embargo + 1)}
    return not (set(kept.tolist()) & (gaps | held))


@settings(max_examples=30, deadline=None)
@given(plan=PLANS, length=st.integers(100, 900))
def test_no_label_of_one_part_reaches_into_another(plan, length):
    for split in splits_of(plan, length):
        assert far_enough(split.train, split.test, plan)
        assert far_enough(split.train, split.validation, plan)
        assert far_enough(split.validation, split.test, plan)
        assert np.diff(split.validation).tolist() == [1] * (split.validation.size - 1)


@settings(max_examples=30, deadline=None)
@given(plan=PLANS, length=st.integers(100, 900))
def test_no_more_is_left_out_than_the_gaps(plan, length):
    for split in splits_of(plan, length):
        parts = np.concatenate([split.train, split.validation, split.test])
        held = np.concatenate([split.validation, split.test])
        for place in set(range(length)) - set(parts.tolist()):
            away = held - place
            assert (away[away > 0] <= plan.purge).any() or (-away[away < 0] <= plan.purge + plan.embargo).any()


def test_every_few_blocks_are_tested_once():
    plan = Combinatorial(blocks=5, tested=2)
    blocks = np.array_split(np.arange(1003), 5)
    tested = [split.test.tolist() for split in plan.over(DAYS[:1003])]
    assert tested == [[*blocks[a].tolist(), *blocks[b].tolist()] for a, b in combinations(range(5), 2)]
    assert plan.splits == len(tested) == comb(5, 2)


def test_paths_are_whole_histories_of_sessions_that_their_split_tested():
    plan = Combinatorial(blocks=4, tested=2)
    splits = plan.over(DAYS[:800])
    paths = plan.paths([np.full(split.test.size, float(split.number)) for split in splits], 800)
    assert paths.shape == (comb(3, 1), 800)
    tested = {split.number: set(split.test.tolist()) for split in splits}
    for place in range(800):
        numbers = paths[:, place].tolist()
        assert len(set(numbers)) == 3
        assert all(place in tested[number] for number in numbers)


def test_a_purge_that_is_shorter_than_the_labels_reach_is_refused():
    with pytest.raises(PurgeError, match="the purge must be at least 21"):
        Combinatorial(purge=20)


@pytest.mark.parametrize("wrong", [{"tested": 6}, {"tested": 0}, {"validation": 0}, {"embargo": -1}])
def test_a_plan_that_cannot_be_is_refused(wrong):
    with pytest.raises(PurgeError, match="was asked for"):
        Combinatorial(**wrong)


@pytest.mark.parametrize(("length", "sentence"), [(59, "6 blocks need at least 60"), (130, "to train and")])
def test_a_short_history_is_refused(length, sentence):
    with pytest.raises(TooShortError, match=sentence):
        Combinatorial().over(DAYS[:length])
