"""Settings are searched by validation sessions alone, and a search that was stopped goes on."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from planted.market import QUICK, draw, fill, settings_of
from planted.windows import SMALL
from tosho.dataset.splits import WalkForward
from tosho.models.atft.forecaster import ATFT
from tosho.models.atft.settings import Schedule
from tosho.models.atft.watchdog import CollapsedError
from tosho.models.lightgbm import LightGBM
from tosho.models.linear import Linear
from tosho.models.search import NoSpaceError, values
from tosho.steps import search, tuning
from tosho.steps.tuning import TrialsError, UntunedError, tune, tuned

DRAWN = draw(codes=30, length=140, strength=0.5)
FIRST, LAST = DRAWN.sessions[0], DRAWN.sessions[-1]
POOR = replace(QUICK, rounds=10, learning_rate=0.02, leaves=4, l2=50_000.0, feature_fraction=0.1)
FITS = 3  # of a trial that is not pruned
LAST_VALIDATION, FIRST_TEST = 65, 89  # where in the market: 119 sessions have labels, units of ten
TRIALS = 3


@pytest.fixture(scope="module")
def found(settings):
    return tune(settings, FIRST, LAST, learner=POOR, trials=TRIALS)


@pytest.fixture
def home(settings, tmp_path):
    """Another home with the same lake."""
    shutil.copytree(Path(settings.home) / "lake", tmp_path / "lake")
    return settings_of(tmp_path)


def told(study):
    return {name: study[name] for name in study if name not in ("study", "seconds", "new")}


def dies_at(monkeypatch, number):
    """Let the process end in the fit of this number, as a signal would."""
    fit, begun = LightGBM.fit, []

    def fits(learner, *given):
        begun.append(learner)
        if len(begun) == number:
            raise KeyboardInterrupt
        return fit(learner, *given)

    monkeypatch.setattr(LightGBM, "fit", fits)
    return begun


def poisoned(at):
    """The market with other features and returns from a session on: a leak that every fit would find."""
    rng = np.random.default_rng(9)
    features, returns = DRAWN.features.copy(), DRAWN.returns.copy()
    features[at:], returns[at:] = rng.normal(size=features[at:].shape), 0.05 * rng.normal(size=returns[at:].shape)
    features[at:-2, :, 0] = returns[at + 2 :]
    return replace(DRAWN, features=features, returns=returns)


def test_what_is_found_is_better_than_settings_that_are_poor(found):
    assert found["rank_ic"] > found["untuned_rank_ic"] + 0.01
    assert found["untuned_settings"] == values(POOR) != found["settings"]
    assert (found["model"], found["trials"], found["new"], found["pruned"]) == ("lightgbm", TRIALS, TRIALS, 0)
    assert Path(found["study"]).name.startswith(f"lightgbm-core-{FIRST}-{LAST}-")


def test_a_search_that_has_all_its_trials_makes_none(settings, found, monkeypatch):
    monkeypatch.setattr(tuning, "prepare", None)
    again = tune(settings, FIRST, LAST, learner=POOR, trials=TRIALS)
    assert told(again) == told(found)
    assert again["new"] == 0
    assert tune(settings, FIRST, LAST, learner=POOR, trials=2)["trials"] == TRIALS
    tune(settings, FIRST, LAST, learner=POOR, trials=TRIALS)


def test_two_trials_and_then_one_more_are_three_in_one_go(home, found, monkeypatch):
    assert tune(home, FIRST, LAST, learner=POOR, trials=2)["new"] == 2
    begun = dies_at(monkeypatch, 0)
    done = tune(home, FIRST, LAST, learner=POOR, trials=TRIALS)
    assert (done["new"], len(begun)) == (1, FITS)
    assert told(done) == told(found)


def test_a_search_killed_in_a_trial_goes_on_with_that_trial(home, found, monkeypatch):
    with monkeypatch.context() as patched:
        dies_at(patched, FITS + 2)
        with pytest.raises(KeyboardInterrupt):
            tune(home, FIRST, LAST, learner=POOR, trials=TRIALS)
    with pytest.raises(UntunedError, match=f"has 1 of the {TRIALS} trials that were asked for. Run tune.py"):
        tuned(home, FIRST, LAST, learner=POOR)
    begun = dies_at(monkeypatch, 0)
    done = tune(home, FIRST, LAST, learner=POOR, trials=TRIALS)
    assert (done["new"], len(begun)) == (TRIALS - 1, (TRIALS - 1) * FITS)
    assert told(done) == told(found)


def test_no_test_span_is_seen_and_other_data_are_another_study(home, found):
    fill(home, poisoned(FIRST_TEST))
    unseen = tune(home, FIRST, LAST, learner=POOR, trials=TRIALS)
    assert told(unseen) == told(found)
    assert Path(unseen["study"]).name != Path(found["study"]).name
    fill(home, poisoned(LAST_VALIDATION))
    assert tune(home, FIRST, LAST, learner=POOR, trials=1)["untuned_rank_ic"] != found["untuned_rank_ic"]


def test_the_market_is_poisoned_from_the_first_test_session_of_training():
    sessions = DRAWN.sessions[: len(DRAWN.sessions) - 21]
    first = WalkForward().fitted(len(sessions)).folds(sessions)[0]
    assert (first.validation.last, first.test.first) == (sessions[LAST_VALIDATION], sessions[FIRST_TEST])


def test_training_gets_the_best_settings_and_how_many_were_tried(settings, found):
    learner, tried = tuned(settings, FIRST, LAST, learner=POOR)
    assert (values(learner), tried) == (found["settings"], TRIALS)
    assert replace(learner, **values(POOR)) == POOR


@pytest.mark.parametrize(
    "other", [{"learner": replace(POOR, rounds=11)}, {"first": DRAWN.sessions[1]}, {"plan": WalkForward(embargo=3)}]
)
def test_another_learner_range_or_plan_has_no_study_and_is_refused(settings, found, other):
    asked = {"first": FIRST, "learner": POOR} | other
    with pytest.raises(UntunedError, match=r"there is none in .*studies. Run tune.py for the same model"):
        tuned(settings, asked.pop("first"), LAST, **asked)


def test_a_kind_without_a_space_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(NoSpaceError, match="kind 'linear' were to be searched"):
        tune(settings_of(tmp_path), FIRST, LAST, learner=Linear(), trials=2)
    assert not list(tmp_path.iterdir())


def test_no_trial_at_all_is_refused(tmp_path):
    with pytest.raises(TrialsError, match="0 trials were asked for; the first one is the learner as it is"):
        tune(settings_of(tmp_path), FIRST, LAST, learner=POOR, trials=0)


def test_settings_that_collapse_or_do_poorly_are_given_up_and_the_search_goes_on(home, monkeypatch):
    scores = iter([0.5] * 3 + ["collapses"] + [0.5] * 3 * 4 + [0.4] + [0.6] * 3)

    def scored(*_):
        if (score := next(scores)) == "collapses":
            raise CollapsedError("The scores are a constant.")
        return score

    monkeypatch.setattr(search, "score", scored)
    done = tune(home, FIRST, LAST, learner=POOR, trials=8)
    assert (done["trials"], done["pruned"], done["rank_ic"], done["untuned_rank_ic"]) == (8, 2, 0.6, 0.5)
    assert next(scores, None) is None


def test_a_model_that_says_nothing_earns_nothing(settings):
    samples, spans = tuning._rehearsed(settings, FIRST, LAST, POOR, WalkForward())

    class Silent:
        context = 0

        def fit(self, *_):
            return self

        def predict(self, seen):
            return np.zeros((seen.rows, 4))

    assert search.score(Silent(), samples, spans[0], print) == 0.0


def test_a_networks_settings_are_searched_too(settings):
    small = ATFT(SMALL, schedule=Schedule(epochs=1, sessions_per_epoch=4, learning_rate=1e-2, ema=0.9, threads=1))
    done = tune(settings, FIRST, LAST, learner=small, trials=2)
    learner, tried = tuned(settings, FIRST, LAST, learner=small)
    assert (values(learner), tried) == (done["settings"], 2)
    assert done["untuned_settings"]["shape.width"] == SMALL.width


def test_the_sizes_of_a_network_have_a_study_each_and_its_listings_decide_it(settings, monkeypatch):
    def paths():
        return {tuning._path(settings, FIRST, LAST, each, WalkForward()) for each in (ATFT(), ATFT.reduced(), POOR)}

    before = paths()
    monkeypatch.setattr(tuning, "_listings", lambda *_: ["other"])
    assert len(before) == 3
    assert len(before & paths()) == 1
