from dataclasses import replace
from datetime import date

import pytest

from planted.market import settings_of
from tosho.models.bundle import Bundle, BundleError
from tosho.models.registry import CHALLENGER, CHAMPION, UNPROVEN, NoModelError, Registry, Run, champion, reasons

KNEW, NEXT = date(2024, 12, 30), date(2025, 1, 6)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    return settings_of(tmp_path_factory.mktemp("home"))


@pytest.fixture
def registry(settings, request):
    return Registry(settings, name=request.node.name)  # a registered model for each test, on one database


@pytest.fixture
def run(walked, market, tmp_path):
    fitted = (market.sessions[0], market.sessions[-1])
    Bundle("x", walked[0].model, fitted, KNEW, (0.0,) * 4, ()).save(tmp_path / "bundle", market)
    (tmp_path / "report.html").write_text("<p>report</p>")
    tags = {"name": "a run", "reasons": '["Promoted: because.", "And so."]'}
    return Run({"leaves": 12, "seeds": (1,)}, {"rank_ic_h01": 0.05, "t_h01": float("nan")}, tags, tmp_path)


def test_a_run_is_logged_whole(registry, run):
    registered = registry.record(run)
    logged = registry._client.get_run(registered.run_id)
    assert logged.info.status == "FINISHED"
    assert logged.data.params == {"leaves": "12", "seeds": "(1,)"}
    assert logged.data.metrics == {"rank_ic_h01": 0.05}
    assert registry.artefact(registered, "report.html") == b"<p>report</p>"
    assert reasons(registered) == ("Promoted: because.", "And so.")


def test_artefacts_lie_under_home(registry, run, settings):
    registered = registry.record(run)
    location = registry._client.get_run(registered.run_id).info.artifact_uri
    assert location.startswith(f"file://{settings.home}/mlartifacts/")


def test_the_newest_version_is_the_challenger(registry, run):
    registry.record(run)
    second = registry.record(run)
    assert registry.find(CHALLENGER).version == second.version == "2"
    assert registry.find(CHAMPION) is None


def test_without_a_champion_the_challenger_serves_and_is_flagged(registry, run):
    registered = registry.record(run)
    served, flag = registry.in_service()
    assert (served.version, flag) == (registered.version, UNPROVEN)


def test_a_promoted_version_is_champion_and_no_challenger(registry, run, settings):
    registered = registry.record(run)
    registry.promote(registered)
    assert registry.in_service()[0].version == registered.version
    assert registry.in_service()[1] == ""
    assert registry.find(CHALLENGER) is None
    assert champion(settings, registry.name).columns.feature_set == "planted"


def test_the_champion_stays_when_a_challenger_comes(registry, run):
    first = registry.record(run)
    registry.promote(first)
    registry.record(run)
    assert registry.champion().version == first.version


def test_a_version_says_up_to_which_session_it_knew(registry, run):
    assert registry.record(run).knew == registry.newest().knew == KNEW


def test_a_version_without_that_word_serves_nothing(registry, run):
    registered = registry.record(run)
    registry._client.delete_model_version_tag(registry.name, registered.version, "knew")
    with pytest.raises(BundleError, match=r"Version 1 of .* does not say up to which session it knew"):
        registry.for_session(NEXT)


def test_a_session_that_the_unproven_challenger_knew_is_flagged(registry, run):
    registry.record(run)
    assert registry.for_session(KNEW)[1] == "unproven,in_sample"


def test_a_former_champion_of_other_features_does_not_serve(registry, run, market):
    registry.promote(registry.record(replace(run, tags={**run.tags, "feature_set": "planted-1"})))
    later = run.artefacts / "later"
    bundle = replace(Bundle.load(run.artefacts / "bundle"), knew=NEXT)
    bundle.save(later / "bundle", market)
    registry.promote(registry.record(replace(run, tags={**run.tags, "feature_set": "planted-2"}, artefacts=later)))
    assert registry.for_session(NEXT)[1] == "in_sample"
    registry.promote(registry.record(replace(run, tags={**run.tags, "feature_set": "planted-1"}, artefacts=later)))
    served, flag = registry.for_session(NEXT)
    assert (served.version, flag) == ("1", "")


def test_nothing_trained_is_a_sentence(registry):
    with pytest.raises(NoModelError, match="Run the weekly training first"):
        registry.in_service()


def test_no_champion_is_a_sentence(registry, run, settings):
    registry.record(run)
    with pytest.raises(NoModelError, match="no version has beaten zero"):
        champion(settings, registry.name)


def test_a_run_without_a_bundle_is_refused_before_it_is_logged(registry, run, tmp_path):
    empty = Run(run.parameters, run.metrics, run.tags, tmp_path / "absent")
    with pytest.raises(BundleError, match=r"no bundle in .*absent"):
        registry.record(empty)
    with pytest.raises(NoModelError):
        registry.in_service()


def test_a_run_that_cannot_be_logged_is_marked_failed(registry, run):
    broken = Run(run.parameters, {"what?": 1.0}, run.tags, run.artefacts)
    with pytest.raises(Exception, match="Names may only contain"):
        registry.record(broken)
    client = registry._client
    newest = client.search_runs([client.get_experiment_by_name("tosho").experiment_id], max_results=1)[0]
    assert newest.info.status == "FAILED"
    with pytest.raises(NoModelError):
        registry.in_service()
