from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tosho.contracts import HORIZONS
from tosho.dataset.splits import PurgeError, TooShortError, WalkForward, rehearsals

DAYS = [date(2010, 1, 1) + timedelta(i) for i in range(4000)]
PLACE = {day: i for i, day in enumerate(DAYS)}

plans = st.builds(
    lambda train, validation, test, more, horizon, spare, embargo, window: WalkForward(
        train, validation, test, test + more, horizon, 1 + horizon + spare, embargo, window
    ),
    train=st.integers(1, 400),
    validation=st.integers(1, 100),
    test=st.integers(1, 100),
    more=st.integers(0, 50),
    horizon=st.integers(1, 40),
    spare=st.integers(0, 5),
    embargo=st.integers(0, 10),
    window=st.sampled_from(["expanding", "rolling"]),
)
lengths = st.integers(100, 2000)


def folds_of(plan, length):
    assume(length >= plan.needed)
    return plan.folds(DAYS[:length])


@given(plans, lengths)
def test_no_label_of_training_reaches_validation_and_none_of_validation_reaches_the_test(plan, length):
    for fold in folds_of(plan, length):
        for earlier, later in ((fold.train, fold.validation), (fold.validation, fold.test)):
            assert PLACE[earlier.last] + 1 + plan.horizon < PLACE[later.first]


@given(plans, lengths)
def test_test_folds_do_not_overlap_and_the_last_ends_with_the_history(plan, length):
    folds = folds_of(plan, length)
    assert all(a.test.last < b.test.first for a, b in pairwise(folds))
    assert folds[-1].test.last == DAYS[length - 1]


@given(plans, lengths)
def test_spans_have_the_lengths_that_were_asked_for(plan, length):
    for fold in folds_of(plan, length):
        assert (fold.validation.sessions, fold.test.sessions) == (plan.validation, plan.test)
        assert fold.train.sessions >= plan.train
        for span in fold[1:4]:
            assert PLACE[span.last] - PLACE[span.first] + 1 == span.sessions


@given(plans, lengths)
def test_settings_are_chosen_without_a_test_session_and_by_whole_purged_spans(plan, length):
    first = folds_of(plan, length)[0]
    spans = rehearsals(DAYS[:length], first)
    assert spans[-1] == (first.train, first.validation)
    for span in spans:
        assert PLACE[span.validation.last] + 1 + plan.horizon < PLACE[first.test.first]
        assert PLACE[span.train.last] + 1 + plan.horizon < PLACE[span.validation.first]
        assert (span.train.first, span.validation.sessions) == (first.train.first, plan.validation)
        assert first.train.sessions / 3 <= span.train.sessions == PLACE[span.train.last] - PLACE[span.train.first] + 1
    assert all(DAYS[PLACE[a.validation.last] + 1] == b.validation.first for a, b in pairwise(spans))


@pytest.mark.parametrize("length", [116, 450, 1500])
def test_settings_are_chosen_by_three_spans_of_a_history_short_or_long(length):
    plan = WalkForward().fitted(length)
    assert len(rehearsals(DAYS[:length], plan.folds(DAYS[:length])[0])) == 3


@given(st.integers(0, 4000))
def test_a_plan_shrinks_to_any_history_or_refuses_it(length):
    if length < 2 * WalkForward().gap + 70:
        with pytest.raises(TooShortError, match=f"There are {length} sessions"):
            WalkForward().fitted(length)
    else:
        assert WalkForward().fitted(length).gap == WalkForward().gap
        assert WalkForward().fitted(length).folds(DAYS[:length])


def test_a_short_history_has_three_test_folds():
    plan = WalkForward().fitted(450)
    assert len(plan.folds(DAYS[:450])) == 3
    assert plan.test == 57


def test_a_long_history_keeps_the_plan():
    assert WalkForward().fitted(1100) == WalkForward()


def test_rolling_training_keeps_its_length():
    plan = WalkForward(100, 20, 20, 20, window="rolling")
    assert {fold.train.sessions for fold in plan.folds(DAYS[:500])} == {100}


@pytest.mark.parametrize("purge", [0, max(HORIZONS)])
def test_a_purge_shorter_than_the_labels_reach_is_refused(purge):
    with pytest.raises(PurgeError, match="must be at least 21"):
        WalkForward(purge=purge)


def test_overlapping_test_folds_are_refused():
    with pytest.raises(PurgeError, match="must not overlap"):
        WalkForward(test=50, step=49)


def test_a_fold_reads_as_a_line():
    fold = WalkForward(100, 20, 20, 20).folds(DAYS[:186])[0]
    assert str(fold) == (
        "fold 1: train 2010-01-01..2010-04-10 (100) | gap 23 | validation 2010-05-04..2010-05-23 (20) | gap 23 | "
        "test 2010-06-16..2010-07-05 (20)"
    )
