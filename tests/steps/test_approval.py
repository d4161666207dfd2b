"""Promotion that a person approves: a training waits for their word, and what they said is done once."""

import pytest

from planted.market import QUICK, draw
from tosho.evaluation.promotion import Decision
from tosho.models.linear import Linear
from tosho.models.registry import CHALLENGER, CHAMPION, Decided, Registry, decisions, reasons
from tosho.steps import approval
from tosho.steps.training import train

DRAWN = draw()
FIRST, LAST = DRAWN.sessions[0], DRAWN.sessions[-1]
YES = Decided("Ken", "It convinces me.", when="2025-01-06T09:00:00+00:00")
FEW = DRAWN.sessions[-2]  # other data, and so another version


@pytest.fixture(scope="module")
def trained(settings):
    return train(settings, FIRST, LAST, learner=QUICK, decides="person")


@pytest.fixture
def registry(settings):
    return Registry(settings)


def test_what_earned_promotion_waits_as_challenger_and_says_so(registry, trained):
    assert (trained["promoted"], trained["awaits_approval"]) == (False, True)
    assert trained["reasons"][0].startswith("Awaits a person's approval, having earned promotion: the first model")
    found = registry.find(CHALLENGER)
    assert (registry.find(CHAMPION), found.version) == (None, trained["version"])
    assert list(reasons(found)) == trained["reasons"]


def test_what_earned_nothing_waits_for_nobody():
    missed = Decision(promoted=False, reasons=("Not promoted: it does not beat zero.",))
    assert approval.held(missed) is missed


def test_a_person_is_told_version_reasons_and_rank_ic(trained):
    asked = approval.question(trained)
    assert asked["subject"] == "Promote tosho-lightgbm version 1?"
    assert f"- {trained['reasons'][1]}" in asked["body"]
    assert f"| 20 | {trained['rank_ic']['20']['rank_ic']:+.4f} |" in asked["body"]


def test_the_same_training_again_still_waits(settings, registry, trained):
    again = train(settings, FIRST, LAST, learner=QUICK, decides="person")
    assert (again["awaits_approval"], again["is_new"]) == (True, False)
    assert registry.find(CHAMPION) is None


def test_a_no_keeps_who_serves_and_is_kept_and_nobody_is_asked_again(settings, registry, trained):
    other = train(settings, FIRST, FEW, learner=QUICK, decides="person")
    told = approval.settle(settings, other, Decided("Ken", "Too few.", when=YES.when), is_approved=False)
    assert (told["approved"], told["champion"]) == (False, None)
    (kept,) = decisions(next(v for v in registry.versions() if v.version == other["version"]))
    assert (kept.who, kept.what, kept.why, kept.when) == ("Ken", "declined", "Too few.", YES.when)
    for decides in ("person", "figures"):
        again = train(settings, FIRST, FEW, learner=QUICK, decides=decides)
        assert (again["promoted"], again["awaits_approval"]) == (False, False)


def dies(*_):
    raise ConnectionError("The tracking server is gone.")


def test_a_yes_is_carried_out_once_however_often_it_is_tried(settings, registry, trained, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(Registry, "_keep", dies)  # after all else
        with pytest.raises(ConnectionError):
            approval.settle(settings, trained, YES, is_approved=True)
    for _ in range(2):
        assert approval.settle(settings, trained, YES, is_approved=True)["champion"] == trained["version"]
    (kept,) = decisions(registry.champion())
    assert (kept.who, kept.what, kept.when) == ("Ken", "promoted", YES.when)
    again = train(settings, FIRST, LAST, learner=QUICK, decides="person")
    assert (again["promoted"], again["awaits_approval"]) == (True, False)


def test_what_waited_is_promoted_where_figures_decide_after_all(settings):
    other = Registry(settings, "tosho-linear")
    waiting = train(settings, FIRST, LAST, learner=Linear(), decides="person")
    assert (waiting["awaits_approval"], other.find(CHAMPION)) == (True, None)
    done = train(settings, FIRST, LAST, learner=Linear())
    assert (done["promoted"], done["awaits_approval"], done["is_new"]) == (True, False, False)
    assert other.champion().version == waiting["version"]
