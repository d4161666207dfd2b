import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from planted.market import QUICK, draw, fill, samples, settings_of
from tosho.calendar import cutoff, offset
from tosho.contracts import HORIZONS
from tosho.dataset.assemble import assemble
from tosho.dataset.combinatorial import Combinatorial
from tosho.dataset.cross_section import shuffled
from tosho.dataset.samples import Columns, ColumnsError
from tosho.dataset.splits import TooShortError, WalkForward
from tosho.evaluation.attainable import NoTruthError
from tosho.evaluation.promotion import decide
from tosho.features.sets import feature_set
from tosho.models.bundle import BundleError
from tosho.models.ensemble import Ensemble
from tosho.models.linear import Linear
from tosho.models.registry import NoModelError, Registry
from tosho.steps import beginning, judgement, scoring, trial
from tosho.steps.preparation import NothingToTrainOnError
from tosho.steps.training import train
from tosho.storage import Lake, PartitionMissingError

DRAWN = draw()
FIRST, LAST = DRAWN.sessions[0], DRAWN.sessions[-1]


@pytest.fixture(scope="module")
def trained(settings):
    return train(settings, FIRST, LAST, learner=QUICK)


@pytest.fixture
def lake(settings):
    return Lake.of(settings)


def quietly(_):
    pass


def dies(*_):
    raise ConnectionError("The tracking server is gone.")


def refuses(*_):
    raise BundleError("Too old.")


def folds_of(market):
    return WalkForward().fitted(len(market.sessions)).folds(market.sessions)[-1:]


def test_the_planted_signal_is_found_and_the_model_promoted(trained):
    assert trained["promoted"], trained["reasons"]
    assert trained["rank_ic"]["1"]["rank_ic"] > 0.03
    assert trained["reasons"][0] == "Promoted: the first model that beats zero."


def test_what_is_used_was_known_at_the_last_session(trained):
    assert trained["known_until"] == offset(LAST, -21).isoformat()
    assert trained["sessions"] == len(DRAWN.sessions) - 21


def test_the_run_tells_its_folds_and_that_they_shrank(trained):
    assert len(trained["folds"]) == 3
    assert any("became" in note for note in trained["notes"])
    assert any("features are null in every row" in note for note in trained["notes"])


def test_the_result_is_plain_json(trained):
    assert json.loads(json.dumps(trained)) == trained


def test_the_report_is_left_for_a_person(trained):
    assert Path(trained["report"]).read_text().startswith("<!doctype html>")


def test_the_run_keeps_decision_and_series(settings, trained):
    registry = Registry(settings)
    found = registry.champion()
    assert found.run_id == trained["run_id"]
    decision = json.loads(registry.artefact(found, "decision.json"))
    assert decision["reasons"] == trained["reasons"]
    assert [test["passed"] for test in decision["tests"]] == [True, True, True]


def test_the_run_keeps_what_was_fitted_on_which_sessions(settings, trained):
    registry = Registry(settings)
    fitted = json.loads(registry.artefact(registry.champion(), "fitted.json"))
    assert [fold["weights"][1] in text for fold, text in zip(fitted["folds"], trained["folds"], strict=True)] == [
        True
    ] * 3
    assert fitted["final"]["weights"][1] == trained["known_until"]
    assert fitted["final"]["scalers"] == "none: the model takes features as they are"


def test_the_run_logs_what_books_earn_after_costs(settings, trained):
    run = Registry(settings)._client.get_run(trained["run_id"]).data
    assert run.params["trading_cost_bp"] == "10.0"
    assert run.metrics["net_bp_h01"] < run.metrics["gross_bp_h01"]
    assert 0 < run.metrics["turnover_h20"] < run.metrics["turnover_h01"] <= 1
    assert 0 <= run.metrics["deflated_h01"] <= 1
    assert run.metrics["trials"] == len(HORIZONS)
    page = Path(trained["report"]).read_text()
    assert "The deflated Sharpe ratio allows for 4 trials" in page
    assert "results by size are left out" in page


def test_the_same_again_registers_nothing_and_gives_the_same_summary(settings, trained):
    again = train(settings, FIRST, LAST, learner=QUICK)
    assert again == {**trained, "seconds": again["seconds"], "is_new": False}
    assert trained["is_new"]
    assert [version.version for version in Registry(settings).versions()] == [trained["version"]]


def test_the_same_again_restores_a_report_that_was_removed(settings, trained):
    before = Path(trained["report"]).read_text()
    Path(trained["report"]).unlink()
    train(settings, FIRST, LAST, learner=QUICK)
    assert Path(trained["report"]).read_text() == before


def test_a_task_that_died_between_registering_and_promoting_is_completed(tmp_path, monkeypatch):
    settings = settings_of(tmp_path)
    fill(settings, DRAWN)
    with monkeypatch.context() as patched:
        patched.setattr(Registry, "promote", dies)
        with pytest.raises(ConnectionError):
            train(settings, FIRST, LAST, learner=QUICK)
    assert Registry(settings).find("champion") is None
    again = train(settings, FIRST, LAST, learner=QUICK)
    assert (again["promoted"], again["is_new"]) == (True, False)
    assert Registry(settings).champion().version == again["version"] == "1"


def test_other_settings_or_data_are_another_version_that_does_not_replace_the_champion(settings, trained):
    other = train(settings, FIRST, LAST, learner=replace(QUICK, rounds=41))
    assert (other["version"], other["is_new"], other["promoted"]) == ("2", True, False)
    assert other["reasons"][0].startswith("Not promoted: it ")
    assert Registry(settings).champion().version == trained["version"]


def test_a_second_version_is_compared_with_the_champion_on_one_page(settings, trained):
    assert "comparison" not in trained
    other = train(settings, FIRST, LAST, learner=replace(QUICK, rounds=42))
    page = Path(other["comparison"]).read_text()
    assert f"tosho-lightgbm {trained['version']}" in page
    told = json.loads(Registry(settings).artefact(Registry(settings).find("challenger"), "comparison.json"))
    assert list(told["models"]) == [f"tosho-lightgbm {trained['version']}", "this run"]
    assert train(settings, FIRST, LAST, learner=replace(QUICK, rounds=42))["comparison"] == other["comparison"]


def test_trials_count_the_settings_tried_for_every_version_of_every_kind(settings, trained):
    registry = Registry(settings)
    before = judgement._trials(registry, 1).count
    train(settings, FIRST, LAST, learner=replace(QUICK, rounds=43), tried=5)
    assert judgement._trials(registry, 1).count == before + 5 * len(HORIZONS)
    assert judgement._trials(Registry(settings, "tosho-other"), 1).count == before + 5 * len(HORIZONS)


def test_a_final_check_that_is_asked_for_is_told_and_logged(settings, trained):
    plan = Combinatorial(blocks=3, tested=1, validation=12)
    done = train(settings, FIRST, LAST, learner=QUICK, final=plan)
    assert done["is_new"]
    assert done["final_check"].startswith("Final check: of 1 paths through 179 sessions, 100%")
    run = Registry(settings)._client.get_run(done["run_id"]).data
    assert (run.params["final_blocks"], run.metrics["cpcv_share_above_zero"]) == ("3", 1.0)
    page = Path(done["report"]).read_text()
    assert "Other histories" in page
    assert done["final_check"] in page
    assert "Other histories" not in Path(trained["report"]).read_text()


def test_a_final_check_that_does_not_fit_is_a_sentence_before_anything_is_trained(settings, trained, monkeypatch):
    monkeypatch.setattr(trial, "run", None)
    with pytest.raises(TooShortError, match="20 blocks need at least 200"):
        train(settings, FIRST, LAST, learner=QUICK, final=Combinatorial(blocks=20))


def test_an_ensemble_is_registered_under_its_own_name_and_compared_with_its_members(settings, trained, lake):
    done = train(settings, FIRST, LAST, learner=Ensemble((QUICK, Linear())))
    assert (done["model"], done["version"], done["promoted"]) == ("tosho-ensemble", "1", True)
    registry = Registry(settings, "tosho-ensemble")
    told = json.loads(registry.artefact(registry.champion(), "comparison.json"))
    assert list(told["models"]) == ["tosho-lightgbm 1", "lightgbm", "linear", "this run"]
    assert told["models"]["lightgbm"]["overall"] == told["models"]["tosho-lightgbm 1"]["overall"]
    session = DRAWN.sessions[-4]
    assert scoring.score(settings, session, kind="ensemble")["model"] == "tosho-ensemble"
    assert set(lake.read("predictions", session)["model"]) == {"tosho-ensemble"}
    with pytest.raises(NoModelError, match="No version of tosho-linear"):
        scoring.score(settings, session, kind="linear")


def test_a_challenger_that_knew_less_is_not_promoted_and_says_so(settings, trained):
    less = train(settings, FIRST, DRAWN.sessions[-2], learner=QUICK)
    assert not less["promoted"]
    assert less["reasons"][0] == "Not promoted: the champion knows later sessions."
    assert Registry(settings).champion().version == trained["version"]


def test_the_same_data_give_the_same_model(settings, trained, tmp_path):
    elsewhere = settings_of(tmp_path)
    fill(elsewhere, DRAWN)
    other = train(elsewhere, FIRST, LAST, learner=QUICK)
    folders = [
        Path(Registry(at)._client.download_artifacts(run["run_id"], "bundle"))
        for at, run in ((settings, trained), (elsewhere, other))
    ]
    names = sorted(path.name for path in folders[0].iterdir())
    assert [(folders[0] / n).read_bytes() for n in names] == [(folders[1] / n).read_bytes() for n in names]


def test_predictions_have_a_row_for_every_code_and_horizon(settings, trained, lake):
    done = scoring.score(settings, LAST)
    frame = lake.read("predictions", LAST)
    assert done["rows"] == frame.height == 4 * len(DRAWN.codes)
    for h in HORIZONS:
        part = frame.filter(pl.col("horizon") == h).sort("rank")
        assert part["rank"].to_list() == list(range(1, len(DRAWN.codes) + 1))
        assert part["score"].is_sorted(descending=True)
        assert part["expected_return"].is_sorted(descending=True)
        assert set(part["target_session"]) == {offset(LAST, 1 + h)}
    assert set(frame["predicted_at"]) == {cutoff(LAST)}
    assert set(frame["feature_set"]) == {"core-1"}
    assert set(frame["run_id"]) == {f"tosho-lightgbm-v{trained['version']}-{LAST}"}


def test_predictions_have_intervals_and_the_run_tells_of_their_buckets_and_coverage(settings, trained, lake):
    scoring.score(settings, LAST)
    frame = lake.read("predictions", LAST)
    assert frame.select("q05", "q50", "q95", "confidence").null_count().sum_horizontal().item() == 0
    assert ((frame["q05"] < frame["expected_return"]) & (frame["expected_return"] < frame["q95"])).all()
    assert any("one bucket holds all" in note for note in trained["notes"])
    assert any("lay inside their 90% interval, in 19 sessions" in note for note in trained["notes"])
    assert "Do the forecast quantiles and intervals hold?" in Path(trained["report"]).read_text()
    run = Registry(settings)._client.get_run(trained["run_id"]).data
    assert all(0.8 < run.metrics[f"coverage_h{h:02d}"] < 0.99 for h in HORIZONS)


def test_scoring_again_leaves_the_same_bytes(settings, trained, lake):
    first = scoring.score(settings, LAST)["sha256"], lake.manifest("predictions", LAST)
    assert (scoring.score(settings, LAST)["sha256"], lake.manifest("predictions", LAST)) == first


def test_the_run_is_named_with_each_row(settings, trained, lake):
    scoring.score(settings, DRAWN.sessions[-2], "scheduled__2024-12-27")
    assert set(lake.read("predictions", DRAWN.sessions[-2])["run_id"]) == {"scheduled__2024-12-27"}


def test_a_session_without_features_is_not_scored(settings, trained):
    with pytest.raises(PartitionMissingError, match="Table features has no partition"):
        scoring.score(settings, offset(LAST, 1))


def test_features_of_another_number_are_not_scored(settings, trained, lake):
    session = DRAWN.sessions[-3]
    frame = lake.read("features", session)
    contract = training_contract(frame)
    lake.publish("features", session, frame, contract=contract, facts={"feature_set": "core", "number": 99})
    with pytest.raises(ColumnsError, match="number 99; asked for was 'core' number 1"):
        scoring.score(settings, session)
    assert not lake.has("predictions", session)
    lake.publish("features", session, frame, contract=contract, facts={"feature_set": "core", "number": 1})


def training_contract(frame):
    from tosho.contracts import features_contract

    return features_contract(tuple(frame.columns[2:]))


def test_a_champion_with_a_retired_number_gives_way(settings, trained, monkeypatch):
    market = samples(DRAWN)
    registered = feature_set("core")
    monkeypatch.setattr(judgement, "feature_set", lambda _: replace(registered, number=2))
    champion = judgement._champion(Registry(settings), market)
    assert champion.retired == "the champion's feature set core is number 1; it is now 2."


def test_a_champion_from_before_versions_told_what_they_knew_gives_way(settings, trained, monkeypatch):
    found = Registry(settings).champion()
    older = replace(found, tags={name: value for name, value in found.tags.items() if name != "knew"})
    monkeypatch.setattr(Registry, "find", lambda *_: older)
    monkeypatch.setattr(Registry, "bundle", refuses)
    champion = judgement._champion(Registry(settings), samples(DRAWN))
    assert champion.retired == "the champion cannot be used any more. Too old."
    assert champion.knew < FIRST


def test_a_champion_is_judged_on_what_came_after_it_too(settings, trained, lake):
    columns = Columns("core", 1, feature_set("core").names)
    later = assemble(lake, columns, lake.sessions("labels"))
    moved = replace(later, sessions=tuple(offset(s, 60) for s in later.sessions))
    extended = judgement._champion(Registry(settings), moved).daily.sessions
    assert len(extended) > 57
    assert min(extended[57:]) > offset(Registry(settings).bundle(Registry(settings).champion()).fitted[1], 23)


def test_an_unproven_model_scores_with_a_flag(tmp_path):
    settings = settings_of(tmp_path)
    nothing = draw(codes=60, strength=0.0, seed=11)
    lake = fill(settings, nothing)
    done = train(settings, nothing.sessions[0], nothing.sessions[-1], learner=QUICK)
    assert not done["promoted"]
    assert scoring.score(settings, LAST)["flag"].startswith("unproven")
    assert lake.read("predictions", LAST)["flags"].str.starts_with("unproven").all()


def test_labels_shuffled_within_the_session_teach_nothing():
    market = samples(draw(strength=0.5))
    dull = replace(market, returns=shuffled(market.returns, market.bounds, 1))
    found = trial.run(QUICK, dull, folds_of(dull), quietly)
    for result in found.results:
        assert abs(result.rank_ic) < 3 / np.sqrt(found.tested.rows), result
    assert trial.shuffled_labels(QUICK, market, folds_of(market)[0], quietly).passed


def test_a_planted_leak_rings_the_alarm_and_blocks_promotion():
    market = samples(DRAWN)
    features = market.features.copy()
    features[:, 5] = market.returns[:, 0]
    found = trial.run(QUICK, replace(market, features=features), folds_of(market), quietly)
    failed = [test.name for test in found.tests if not test.passed]
    assert failed == ["suspected leak"]
    assert not decide(found.daily, found.tests, None, LAST).promoted


def test_scoring_before_any_training_is_a_sentence(tmp_path):
    with pytest.raises(NoModelError, match="Run the weekly training first"):
        scoring.score(settings_of(tmp_path), LAST)


def test_an_empty_lake_is_a_sentence(tmp_path):
    with pytest.raises(NothingToTrainOnError, match="0 sessions have labels and 0 have features"):
        train(settings_of(tmp_path), FIRST, LAST, learner=QUICK)


def test_a_short_history_is_a_sentence(settings):
    with pytest.raises(TooShortError, match="walk-forward needs at least 116"):
        train(settings, DRAWN.sessions[90], LAST, learner=QUICK)


def test_a_truth_that_is_not_there_is_a_sentence_before_anything_is_trained(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(beginning, "prepare", None)
    with pytest.raises(NoTruthError, match=r"There is no truth.json in .* leave `truth` out"):
        train(settings, FIRST, LAST, learner=QUICK, truth=tmp_path)
