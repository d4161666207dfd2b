import math

import pytest

from tosho.models.atft.settings import Watch
from tosho.models.atft.watchdog import CollapsedError, Watchdog

HEALTHY = [0.9, 1.0, 1.1, 1.0]
DEAD = [0.9, 0.0, 1.1, 1.0]


def fed(watchdog, *ratios):
    return [watchdog.check(each, step) for step, each in enumerate(ratios)]


def test_healthy_predictions_pass():
    assert fed(Watchdog(Watch(warm_up=2)), *[HEALTHY] * 50) == [False] * 50


def test_a_collapse_trips_it_on_the_third_check_in_a_row():
    watchdog = Watchdog(Watch(warm_up=2))
    assert fed(watchdog, *[DEAD] * 4) == [False] * 4
    with pytest.raises(CollapsedError, match="At step 9 the scores of horizon 5 spread 0 times as wide"):
        watchdog.check(DEAD, 9)


def test_the_average_takes_the_decay_it_is_given():
    watchdog = Watchdog(Watch(warm_up=0))
    fed(watchdog, [1.0] * 4, [0.0] * 4)
    assert watchdog.averages == pytest.approx([0.9] * 4)


def test_one_good_check_begins_the_count_anew():
    watchdog = Watchdog(Watch(warm_up=0, decay=0.0))
    assert fed(watchdog, DEAD, DEAD, HEALTHY, DEAD, DEAD, HEALTHY) == [False] * 6


def test_warm_up_is_not_counted():
    assert fed(Watchdog(Watch(warm_up=9)), *[DEAD] * 9, *[HEALTHY] * 3) == [False] * 12


def test_unknown_ratios_are_passed_over():
    watchdog = Watchdog(Watch(warm_up=0))
    fed(watchdog, *[[math.nan] * 4] * 9)
    assert watchdog.below == [0] * 4


def test_heads_are_restarted_once_and_then_it_fails():
    watchdog = Watchdog(Watch(warm_up=0, then="restart_heads"))
    assert fed(watchdog, DEAD, DEAD, DEAD) == [False, False, True]
    fed(watchdog, DEAD, DEAD)
    with pytest.raises(CollapsedError, match="The heads had been drawn anew before"):
        watchdog.check(DEAD, 6)


def test_a_restored_one_goes_on_where_it_was():
    first, second = Watchdog(Watch(warm_up=0)), Watchdog(Watch(warm_up=0))
    fed(first, DEAD, DEAD)
    second.restore(first.state())
    with pytest.raises(CollapsedError):
        second.check(DEAD, 3)
