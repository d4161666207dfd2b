import json
from dataclasses import replace

import numpy as np
import pytest

from planted.market import QUICK, draw, samples, settings_of
from tosho.calendar import offset
from tosho.contracts import HORIZONS
from tosho.dataset.splits import WalkForward
from tosho.evaluation.book import Trading
from tosho.evaluation.candidate_files import to_files
from tosho.evaluation.comparison import Candidate
from tosho.evaluation.ic import daily_ic
from tosho.evaluation.performance import books
from tosho.evaluation.sharpe import Trials
from tosho.models.ensemble import Ensemble
from tosho.models.linear import Linear
from tosho.models.registry import Registry, Run
from tosho.steps import trial
from tosho.steps.compare import compared, members

MARKET = samples(draw(codes=60, length=150))
OTHER = replace(MARKET, sessions=tuple(offset(session, -200) for session in MARKET.sessions))


def candidate(market=MARKET, trading=None):
    scores = np.repeat(market.features[:, :1], len(HORIZONS), axis=1).astype(np.float64)
    return Candidate(daily_ic(scores, market), books(scores, market, trading or Trading(), Trials(2)))


@pytest.fixture
def registry(tmp_path):
    return Registry(settings_of(tmp_path))


def register(registry, tmp_path, name, kept):
    folder = tmp_path / f"{name}-{len(list(tmp_path.iterdir()))}"
    (folder / "bundle").mkdir(parents=True)
    (folder / "bundle" / "bundle.json").write_text(json.dumps({"knew": "2024-01-04"}))
    for file, data in kept.items():
        (folder / file).write_bytes(data)
    return replace(registry, name=name).record(Run({}, {}, {}, folder))


def ask(registry, trading=None):
    return compared(registry, {"this run": candidate(trading=trading)}, "a title", "of a test")


def quietly(_):
    pass


def test_an_ensemble_s_members_are_told_alone_on_the_same_sessions():
    folds = WalkForward().fitted(len(MARKET.sessions)).folds(MARKET.sessions)[-1:]
    result = trial.run(Ensemble((QUICK, Linear())), MARKET, folds, quietly)
    found = dict(members(MARKET, result))
    assert list(found) == ["lightgbm", "linear"]
    alone = trial.run(Linear(), MARKET, folds, quietly)
    assert (found["linear"].scores == alone.scores).all()
    assert found["lightgbm"].daily.sessions == result.daily.sessions
    assert list(members(MARKET, alone)) == []


def test_a_first_model_is_compared_with_nothing(registry):
    assert ask(registry) is None


def test_every_kind_has_its_champion_there_or_its_newest_and_lightgbm_comes_first(registry, tmp_path):
    kept = to_files(candidate())
    for name in ("tosho-a", "tosho-lightgbm", "tosho-lightgbm", "tosho-b", "tosho-b"):
        register(registry, tmp_path, name, kept)
    registry.promote(registry.versions()[1])
    assert list(ask(registry).candidates) == ["tosho-lightgbm 1", "tosho-a 1", "tosho-b 2", "this run"]


def test_a_version_without_results_is_left_out_and_the_page_says_so(registry, tmp_path):
    register(registry, tmp_path, "tosho-lightgbm", {})
    register(registry, tmp_path, "tosho-a", to_files(candidate()))
    found = ask(registry)
    assert list(found.candidates) == ["tosho-a 1", "this run"]
    assert found.notes[0].startswith("tosho-lightgbm 1 is left out: it was registered before results were kept")


def test_a_version_that_was_tested_on_other_sessions_is_left_out(registry, tmp_path):
    register(registry, tmp_path, "tosho-a", to_files(candidate(OTHER)))
    register(registry, tmp_path, "tosho-b", to_files(candidate()))
    found = ask(registry)
    assert list(found.candidates) == ["tosho-b 1", "this run"]
    assert found.notes == ["tosho-a 1 is left out: it was tested on none of the sessions that the others share."]


def test_all_books_are_shown_at_the_cost_of_this_run(registry, tmp_path):
    register(registry, tmp_path, "tosho-a", to_files(candidate(trading=Trading(cost_bp=50.0, parts=5))))
    found = ask(registry, Trading(cost_bp=3.0))
    theirs, ours = (candidate.books for candidate in found.candidates.values())
    assert (theirs.trading.cost_bp, theirs.trading.parts, ours.trading.cost_bp) == (3.0, 5, 3.0)
    assert found.notes == ["The books of tosho-a 1 hold one of 5 parts of its scores."]
