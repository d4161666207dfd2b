"""`tosho models` over a real MLflow: what it prints, what it changes, what it refuses."""

import json
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from planted.market import QUICK, draw, samples, settings_of
from tosho.__main__ import app
from tosho.dataset.samples import Columns
from tosho.features.sets import feature_set
from tosho.models.bundle import Bundle
from tosho.models.registry import CHALLENGER, Decided, Registry, Run, decisions

DRAWN = draw(codes=60, length=120)
KNEW, BETWEEN, LATER = date(2024, 10, 1), date(2024, 11, 1), date(2024, 12, 30)


@pytest.fixture(scope="module")
def market():
    """Samples whose six features call themselves the whole of set `core`."""
    return replace(
        samples(DRAWN), columns=Columns("core", feature_set("core").number, tuple(f"f{i}" for i in range(6)))
    )


@pytest.fixture(scope="module")
def fitted(market):
    return QUICK.brief().fit(market, market, lambda _: None)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def registry(home, monkeypatch, request):
    """A registered model of the test's own, on one database; the command line finds it by name."""
    monkeypatch.setenv("TOSHO_HOME", str(home))
    return Registry(settings_of(home), request.node.name)


@pytest.fixture
def record(registry, fitted, market, tmp_path):
    def one(knew=KNEW, columns=None, because="Promoted: because."):
        model = fitted if columns is None else type(fitted)(columns, fitted._texts)
        folder = tmp_path / f"{knew}-{len(registry.versions())}"
        rows = market if columns is None else replace(market, columns=columns)
        Bundle("x", model, (market.sessions[0], market.sessions[-1]), knew, (0.0,) * 4, ()).save(
            folder / "bundle", rows
        )
        tags = {"name": "a run", "reasons": json.dumps([because]), "feature_set": "core-1"}
        return registry.record(Run({"leaves": 12}, {"rank_ic_h05": 0.0312}, tags, folder))

    return one


def run(registry, *arguments, status=0):
    command = ["models", *arguments]
    told = CliRunner().invoke(app, command if arguments[0] == "list" else [*command, "--model", registry.name])
    assert told.exit_code == status, told.output + str(told.exception)
    return told.output + str(told.exception or "")  # `main` prints an error's sentence


def lines(registry):
    return [line.split(None, 1)[1].split() for line in run(registry, "list").splitlines() if registry.name in line]


def test_versions_are_listed_newest_first_with_what_they_are(registry, record):
    registry.promote(record())
    record(knew=LATER)
    assert lines(registry) == [
        ["2", "core-1", "knew", "2024-12-30", "challenger"],
        ["1", "core-1", "knew", "2024-10-01", "champion"],
    ]


def test_nothing_registered_is_a_sentence(tmp_path, monkeypatch, registry):
    monkeypatch.setenv("TOSHO_HOME", str(tmp_path))
    assert run(registry, "list") == "No model is registered. Run the weekly training first.\n"


def test_a_version_is_shown_with_settings_figures_and_reasons(registry, record):
    record()
    told = run(registry, "show", "challenger")
    assert told.startswith(f"{registry.name} version 1, run ")
    assert "leaves                       12" in told
    assert "rank_ic_h05                  0.0312" in told
    assert told.endswith("reasons:\n  Promoted: because.\n")


def test_promotion_makes_a_champion_and_keeps_who_and_why(registry, record):
    registry.promote(record())
    record(knew=LATER)
    assert "version 2 is the champion" in run(registry, "promote", "2", "--reason", "Seen it.", "--who", "Aiko")
    champion = registry.champion()
    (made,) = decisions(champion)
    assert (champion.version, made.who, made.what, made.why) == ("2", "Aiko", "promoted", "Seen it.")
    assert registry.find(CHALLENGER) is None
    assert ", Aiko promoted: Seen it." in run(registry, "show")


def test_the_challenger_stays_one_when_another_is_promoted(registry, record):
    record()
    record(knew=LATER)
    run(registry, "promote", "1", "--reason", "Older, steadier.")
    assert (registry.champion().version, registry.find(CHALLENGER).version) == ("1", "2")


def test_a_version_without_a_bundle_is_refused(registry, record):
    record()
    artefacts = Path(registry._client.get_run(registry.newest().run_id).info.artifact_uri.removeprefix("file://"))
    shutil.rmtree(artefacts / "bundle")
    assert "Version 1 of" in (told := run(registry, "promote", "1", "--reason", "Why not.", status=1))
    assert "has no bundle at" in told
    assert registry.find("champion") is None


def test_other_features_are_refused_unless_they_are_meant(registry, record):
    record(columns=Columns("core", 99, tuple(f"f{i}" for i in range(6))))
    told = run(registry, "promote", "1", "--reason", "New set.", status=1)
    assert "fitted on feature set core number 99; this installation computes core number" in told
    assert registry.find("champion") is None
    run(registry, "promote", "1", "--reason", "New set.", "--other-features")
    assert registry.champion().version == "1"


def test_a_decision_without_a_reason_is_refused(registry, record):
    record()
    assert "A decision needs who made it and why" in run(registry, "promote", "1", "--reason", " ", status=1)


def test_a_version_that_does_not_exist_is_refused_by_name(registry, record):
    record()
    told = run(registry, "promote", "7", "--reason", "Lucky.", status=1)
    assert f"Version '7' of {registry.name} was asked for; there are: 1." in told


def test_the_champion_is_not_promoted_again(registry, record):
    registry.promote(record())
    assert "is the champion already" in run(registry, "promote", "champion", "--reason", "Again.", status=1)


def test_rollback_goes_back_one_champion_at_a_time(registry, record):
    for knew in (KNEW, BETWEEN, LATER):
        registry.promote(record(knew=knew))
    told = run(registry, "rollback", "--reason", "It drifts.", "--who", "Ken")
    assert told.endswith("version 2 is the champion again; version 3 is withdrawn.\n")
    run(registry, "rollback", "--reason", "This one too.")
    assert registry.champion().version == "1"
    assert [line[4:] for line in lines(registry)] == [["was", "champion,", "withdrawn"]] * 2 + [["champion"]]
    assert "has no champion before version 1" in run(registry, "rollback", "--reason", "Further.", status=1)


def test_what_was_withdrawn_scores_no_past_session(registry, record):
    for knew in (KNEW, BETWEEN, LATER):
        registry.promote(record(knew=knew))
    assert registry.for_session(date(2024, 11, 5))[0].version == "2"
    registry.withdraw(registry.versions()[1], Decided("Ken", "Wrong."))
    assert registry.for_session(date(2024, 11, 5))[0].version == "1"


def test_a_withdrawn_version_can_be_promoted_again(registry, record):
    for knew in (KNEW, LATER):
        registry.promote(record(knew=knew))
    run(registry, "rollback", "--reason", "It drifts.")
    run(registry, "promote", "2", "--reason", "It was the data.")
    assert lines(registry)[0][4:] == ["champion"]
    assert [made.what for made in decisions(registry.champion())] == ["withdrew", "promoted"]
