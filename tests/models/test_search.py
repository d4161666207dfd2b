"""What is searched for each kind that has a space: values that make a learner, its own among them."""

import subprocess
import sys
from dataclasses import replace

import optuna
import pytest

from tosho.models.atft.forecaster import ATFT
from tosho.models.kinds import KINDS, learner
from tosho.models.lightgbm import LightGBM
from tosho.models.linear import Linear
from tosho.models.search import SEARCHED, NoSpaceError, OutsideError, space, values, with_values

LEARNERS = {"lightgbm": LightGBM(), "atft": ATFT(), "atft, reduced": ATFT.reduced()}


@pytest.fixture(params=LEARNERS.values(), ids=LEARNERS)
def searched(request):
    return request.param


def drawn(within):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    return [study.ask(within).params for _ in range(30)]


def test_a_learner_as_it_comes_is_within_its_space(searched):
    own = values(searched)
    assert own.keys() == space(searched).keys()
    assert with_values(searched, own) == searched


def test_whatever_is_drawn_makes_a_learner_that_differs_in_nothing_else(searched):
    for chosen in drawn(space(searched)):
        other = with_values(searched, chosen)
        assert values(other) | {"shape.width": 0} == chosen | {"shape.width": 0}
        assert with_values(other, values(searched)) == searched


def test_every_setting_is_drawn_with_several_values(searched):
    found = drawn(space(searched))
    assert all(len({chosen[name] for chosen in found}) > 2 for name in space(searched))


def test_a_width_is_one_that_the_heads_divide():
    odd = ATFT(replace(ATFT.reduced().shape, width=20, attention_heads=4, graph_heads=4))
    assert space(odd)["shape.width"].choices == (20,)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - set(SEARCHED)))
def test_a_kind_without_a_space_is_refused_by_name(kind):
    with pytest.raises(NoSpaceError, match=f"kind '{kind}' were to be searched; there is a search space for lightgbm"):
        space(learner(kind))


def test_a_learner_outside_of_what_would_be_searched_is_refused():
    with pytest.raises(OutsideError, match=r"leaves is 300, and what is searched lies between 4 and 128"):
        space(LightGBM(leaves=300))


def test_settings_lead_into_parts_by_a_dot():
    found = with_values(ATFT(), {"schedule.learning_rate": 0.001, "shape.width": 128})
    assert found == ATFT(replace(ATFT().shape, width=128), schedule=replace(ATFT().schedule, learning_rate=0.001))
    assert with_values(Linear(), {}) == Linear()


def test_neither_torch_nor_lightgbm_is_imported():
    script = "import sys, tosho.steps.tuning; sys.exit(', '.join({'torch', 'lightgbm'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.stderr, done.returncode) == ("\n", 1), "exit(text) prints it: here nothing"
