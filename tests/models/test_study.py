"""A study goes on where it was, whatever ended its process."""

import logging

import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from tosho.models.study import NothingFoundError, StudyBusyError, held, seen

SPACE = {"x": FloatDistribution(-3.0, 3.0), "n": IntDistribution(1, 9)}
FIRST = {"x": 2.5, "n": 7}


def value(params):
    return -((params["x"] - 1) ** 2) - abs(params["n"] - 4)


def go_on(study, trials):
    while len(study.trials) < trials:
        trial = study.begin(SPACE, FIRST)
        study.end(trial, value(trial.params))


def made(study):
    return [(trial.params, trial.value) for trial in study.trials]


@pytest.fixture(scope="module")
def in_one_go(tmp_path_factory):
    with held(tmp_path_factory.mktemp("whole") / "study.db") as study:
        go_on(study, 13)  # the first ten are drawn at random, the others by what is known
        return made(study)


def test_the_first_trial_has_the_settings_given_and_the_best_is_the_highest(in_one_go, tmp_path):
    assert in_one_go[0] == (FIRST, value(FIRST))
    assert len({str(params) for params, _ in in_one_go}) == 13
    with held(tmp_path / "studies" / "study.db") as study:
        go_on(study, 8)
        assert study.best.value == max(found for _, found in in_one_go[:8])


def test_a_study_that_was_stopped_makes_the_trials_that_it_would_have_made(in_one_go, tmp_path):
    for trials in (1, 6, 13):
        with held(tmp_path / "study.db") as study:
            go_on(study, trials)
            assert made(study) == in_one_go[:trials]


@pytest.mark.parametrize("before", [0, 11])
def test_a_trial_whose_process_was_killed_is_made_again(in_one_go, tmp_path, before):
    with held(tmp_path / "study.db") as study:
        go_on(study, before)
        killed = study.begin(SPACE, FIRST).params
    with held(tmp_path / "study.db") as study:
        assert len(study.trials) == before
        go_on(study, 13)
        assert made(study) == in_one_go
        assert made(study)[before][0] == killed


def test_a_process_killed_before_the_first_trial_began_leaves_no_second_first(tmp_path):
    with held(tmp_path / "study.db") as study:
        study._study.enqueue_trial(FIRST)
    with held(tmp_path / "study.db") as study:
        go_on(study, 3)
        assert [params == FIRST for params, _ in made(study)] == [True, False, False]


def test_a_trial_below_the_median_of_five_is_pruned_and_counts_as_made(tmp_path):
    with held(tmp_path / "study.db") as study:
        for score in (0.1, 0.2, 0.3, 0.4, 0.5):
            trial = study.begin(SPACE, FIRST)
            trial.report(score, 1)
            assert not trial.should_prune()
            study.end(trial, score)
        for score, is_poor in ((0.29, True), (0.31, False)):
            trial = study.begin(SPACE, FIRST)
            trial.report(score, 1)
            assert trial.should_prune() == is_poor
            study.give_up(trial)
        assert (len(study.trials), study.pruned, study.best.value) == (7, 2, 0.5)


def test_what_was_asked_for_is_kept(tmp_path):
    with held(tmp_path / "study.db") as study:
        assert study.asked == 0
        study.ask_for(7)
    with held(tmp_path / "study.db") as study:
        assert study.asked == 7


def test_a_study_that_another_is_at_work_on_is_refused(tmp_path):
    with held(tmp_path / "study.db"), pytest.raises(StudyBusyError, match="another process is at work on it"):  # noqa: SIM117
        with held(tmp_path / "study.db"):
            pass


def test_a_study_of_which_nothing_came_to_its_end_has_no_best(tmp_path):
    with held(tmp_path / "study.db") as study:
        study.give_up(study.begin(SPACE, FIRST))
        with pytest.raises(NothingFoundError, match="None of the 1 trials of study study came to its end"):
            _ = study.best


def test_optuna_announces_nothing_itself(tmp_path, caplog, capfd):
    with caplog.at_level(logging.DEBUG), held(tmp_path / "study.db") as study:
        go_on(study, 2)
    assert [record.message for record in caplog.records if record.name.startswith("optuna")] == []
    assert capfd.readouterr() == ("", "")


def test_several_may_look_at_a_study_while_nobody_is_at_work_on_it(tmp_path):
    path = tmp_path / "study.db"
    with held(path) as study:
        go_on(study, 2)
        with pytest.raises(StudyBusyError), seen(path):
            pass
    with seen(path) as one, seen(path) as other:
        assert made(one) == made(other)
        with pytest.raises(StudyBusyError), held(path):
            pass
