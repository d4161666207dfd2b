"""A training run that also walks its folds without each block of the network, and tells what each of them adds."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from planted.market import QUICK as TREES
from planted.market import draw, samples, settings_of
from planted.windows import SMALL
from tosho.dataset.splits import WalkForward
from tosho.evaluation.ic import daily_ic
from tosho.models.atft.forecaster import ATFT
from tosho.models.atft.settings import Schedule
from tosho.models.linear import Linear
from tosho.models.registry import Registry
from tosho.models.walk import stacked, walk
from tosho.observability.progress import Progress
from tosho.steps import ablations, trial
from tosho.steps.ablations import NoSuchBlockError, NotLeftOutError
from tosho.steps.training import train
from tosho.steps.trial import Trial

DRAWN = draw(codes=30, length=150, strength=0.5)
FIRST, LAST = DRAWN.sessions[0], DRAWN.sessions[-1]
BLOCKS = ("FAN", "GAT", "VSN", "DIRECT")
QUICK = ATFT(SMALL, schedule=Schedule(epochs=1, sessions_per_epoch=8, learning_rate=1e-2, ema=0.9, threads=1))
FOLDS = 3


@pytest.fixture(scope="module")
def told():
    return []


@pytest.fixture(scope="module")
def trained(settings, told):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Progress, "__call__", lambda _self, *state: told.append(state))
        return train(settings, FIRST, LAST, learner=QUICK, ablate=BLOCKS)


@pytest.fixture(scope="module")
def kept(settings, trained):
    registry = Registry(settings, "tosho-atft")
    version = registry.find("challenger")
    figures = json.loads(registry.artefact(version, "comparison.json"))
    return figures, registry._client.get_run(version.run_id).data.metrics


def test_the_page_tells_what_each_block_adds_though_there_is_no_other_model(trained, kept):
    page = Path(trained["comparison"]).read_text(encoding="utf-8")
    assert "What each block of this run adds" in page
    assert "Paired tests" not in page, "there is no other model to test it against"
    for name in BLOCKS:
        found = kept[0]["ablations"][name]["overall"]
        assert found["rank_ic"] != 0
        row = page.split(f"<tr><td>{name}</td>")[1].split("</tr>")[0]
        assert f"{found['rank_ic']:+.4f} ({found['t']:.1f})" in row


def test_the_summary_and_the_logged_figures_tell_the_same_gains(trained, kept):
    figures, metrics = kept
    assert list(trained["ablations"]) == list(figures["ablations"]) == list(BLOCKS)
    for name, told in trained["ablations"].items():
        whole, horizons = figures["ablations"][name]["overall"], figures["ablations"][name]["by_horizon"]
        assert told == {
            "gain": round(whole["rank_ic"], 5),
            "t": round(whole["t"], 2),
            "sessions": whole["sessions"],
        }
        logged = f"gain_{name.lower()}"
        assert (metrics[f"{logged}_overall"], metrics[f"t_{logged}_overall"]) == (whole["rank_ic"], whole["t"])
        assert metrics[f"{logged}_h20"] == horizons[-1]["rank_ic"]
        assert metrics[f"t_{logged}_h20"] == horizons[-1]["t"]


def test_progress_counts_the_folds_without_each_block(trained, told):
    whole = FOLDS + len(("the final model", "shuffled labels", "a planted leak"))
    total = whole + FOLDS * len(BLOCKS)
    assert [state[1:] for state in told] == [(done, total) for done in range(1, total + 1)]
    assert [what.split(", epoch")[0] for what, *_ in told[-FOLDS:]] == [
        f"without {BLOCKS[-1]}, fold {i}" for i in (1, 2, 3)
    ]


def test_the_same_run_again_is_recalled_and_one_without_ablations_is_another(settings, trained, monkeypatch):
    class TrainedError(Exception):
        pass

    def begun(*_):
        raise TrainedError

    monkeypatch.setattr(trial, "run", begun)
    again = train(settings, FIRST, LAST, learner=QUICK, ablate=BLOCKS)
    assert again | {"seconds": 0} == trained | {"is_new": False, "seconds": 0}
    for others in ((), BLOCKS[:1]):
        with pytest.raises(TrainedError):
            train(settings, FIRST, LAST, learner=QUICK, ablate=others)


@pytest.mark.parametrize("learner", [TREES, replace(QUICK, shape=replace(SMALL, graph=False))])
def test_a_model_without_the_block_is_refused_before_anything_is_read(tmp_path, learner):
    with pytest.raises(NoSuchBlockError, match=f"a model of kind '{learner.kind}' without .*GAT"):
        train(settings_of(tmp_path), FIRST, LAST, learner=learner, ablate=BLOCKS)


def test_a_block_that_was_not_left_out_is_seen():
    market = samples(DRAWN)
    folds = WalkForward().fitted(len(market.sessions)).folds(market.sessions)[-1:]
    parts = tuple(walk(Linear(), market, folds, lambda _: None))
    tested, scores = stacked(parts)
    whole = Trial(parts, tested, scores, daily_ic(scores, tested), ())
    other = ablations.run({"half": Linear(penalties=(1e5,))}, market, whole, lambda _: None)
    assert list(other.gains()) == ["half"]
    with pytest.raises(NotLeftOutError, match=r"trained without all, and each of its .* scores is that of the whole"):
        ablations.run({"all": Linear()}, market, whole, lambda _: None)
