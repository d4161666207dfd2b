"""A block gains where there is something for it to see, and nothing where there is not."""

from dataclasses import replace
from functools import cache

import pytest

from planted import blocks
from planted.windows import GROUPS, SMALL
from tosho.dataset.splits import WalkForward
from tosho.evaluation.ic import daily_ic
from tosho.evaluation.paired import gains
from tosho.evaluation.significance import SIGNIFICANT
from tosho.models.atft.forecaster import ATFT
from tosho.models.atft.network import Network
from tosho.models.atft.settings import Schedule
from tosho.models.walk import stacked, walk

BARE = replace(
    SMALL, normalisation="none", bins=1, selection=False, static=False, graph=False, direct=False, direct_parts=False
)
ALONE = {"FAN": replace(BARE, normalisation="fan"), "GAT": replace(BARE, graph=True)}
PLANTED = {"FAN": blocks.regimes, "GAT": blocks.neighbours}
PLAN = WalkForward(train=80, validation=12, test=100, step=100)
SCHEDULE = Schedule(epochs=2, sessions_per_epoch=40, learning_rate=1e-2, ema=0.9, threads=1)
INSIDE = {
    "FAN": ("normalisation.", "rejoin."),
    "GAT": ("graph.",),
    "VSN": ("selection.weigh.",),
    "DIRECT": ("direct.",),
}


@cache
def daily(market, learner):
    rows = market()
    tested, scores = stacked(tuple(walk(learner, rows, PLAN.folds(rows.sessions)[-1:], lambda _: None)))
    return daily_ic(scores, tested)


def gain(market, block, direct):
    whole = ATFT(replace(ALONE[block], direct=direct), schedule=SCHEDULE)
    return gains(daily(market, whole), {block: daily(market, whole.ablations()[block])})[block].overall


@pytest.mark.parametrize("direct", [False, True], ids=["alone", "beside the direct path"])
@pytest.mark.parametrize("block", PLANTED)
def test_a_block_gains_where_its_effect_is_planted_and_nothing_where_it_is_not(block, direct):
    there, elsewhere = gain(PLANTED[block], block, direct), gain(blocks.plain, block, direct)
    assert there.t >= SIGNIFICANT
    assert elsewhere.t < SIGNIFICANT
    assert elsewhere.mean < 0.1 * there.mean


@pytest.mark.parametrize("name", INSIDE)
def test_a_network_without_a_block_has_none_of_its_weights(name):
    less = ATFT(SMALL, schedule=SCHEDULE).ablations()[name]
    whole, left = (list(Network(GROUPS, shape).state_dict()) for shape in (SMALL, less.shape))
    assert any(weight.startswith(INSIDE[name]) for weight in whole)
    assert not any(weight.startswith(INSIDE[name]) for weight in left)
    changed = {key for key, value in less.settings().items() if ATFT(SMALL, schedule=SCHEDULE).settings()[key] != value}
    assert len(changed) == 1


def test_every_block_is_offered():
    assert list(ATFT(SMALL).ablations()) == list(INSIDE)


def test_a_block_that_is_off_is_not_offered_and_the_normalisation_has_its_name():
    assert list(replace(SMALL, graph=False).ablations()) == ["FAN", "VSN", "DIRECT"]
    assert list(replace(SMALL, normalisation="san").ablations()) == ["SAN", "GAT", "VSN", "DIRECT"]
    assert BARE.ablations() == {}


def test_none_takes_another_s_checkpoint(tmp_path):
    brief = Schedule(epochs=1, sessions_per_epoch=3, validation_sessions=3, threads=1)
    whole, rows, told = ATFT(SMALL, schedule=brief, folder=tmp_path), blocks.plain(), []
    fold = PLAN.folds(rows.sessions)[-1]
    train, validation = (rows.between(span.first, span.last) for span in (fold.train, fold.validation))
    learners = [whole, *whole.ablations().values()]
    first = [learner.fit(train, validation, told.append).to_files() for learner in learners]
    assert len(list(tmp_path.iterdir())) == len(told) == 1 + len(INSIDE)
    assert [learner.fit(train, validation, told.append).to_files() for learner in learners] == first
    assert len(told) == 1 + len(INSIDE)
