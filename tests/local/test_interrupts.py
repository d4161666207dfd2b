import signal

import pytest

from tosho.local import interrupts


@pytest.fixture(params=interrupts.ENDING, ids=lambda number: number.name)
def ending(request):
    """A signal that nobody ignores: a suite that was started with `nohup` hands that on."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in interrupts.ENDING}
    yield request.param
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupted_twice(ending, steps):
    try:
        signal.raise_signal(ending)
    finally:
        signal.raise_signal(ending)
        steps.append("ended")


def test_each_of_them_is_one_interrupt_however_often_it_comes(ending):
    interrupts.heed()
    steps = []
    with pytest.raises(KeyboardInterrupt):
        interrupted_twice(ending, steps)
    assert steps == ["ended"]


def test_after_one_was_handled_the_next_is_heeded_again(ending):
    interrupts.heed()
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(ending)


def test_what_is_ignored_stays_ignored(ending):
    signal.signal(ending, signal.SIG_IGN)
    interrupts.heed()
    assert signal.getsignal(ending) is signal.SIG_IGN
