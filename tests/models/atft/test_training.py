from dataclasses import replace

import numpy as np
import pytest
import torch  # noqa: TID253

from planted.windows import SMALL, Sessions, network_of, random_session
from tosho.models.atft import checkpoint
from tosho.models.atft.batches import Span
from tosho.models.atft.checkpoint import CheckpointError
from tosho.models.atft.settings import Objective, Schedule, SettingsError, Watch
from tosho.models.atft.training import DeviceError, NoLabelsError, NotFiniteError, device_of, mean_rank_ic, train
from tosho.models.atft.watchdog import CollapsedError

QUICK = Schedule(
    epochs=3,
    sessions_per_epoch=8,
    patience=3,
    learning_rate=5e-3,
    check_every=1,
    checkpoint_every=3,
    threads=1,
    ema=0.8,
)
DROPPING = replace(SMALL, dropout=0.2)
VALIDATION = Span(Sessions(), tuple(range(100, 106)))


def run(schedule=QUICK, network=None, panel=None, kept=None, validation=VALIDATION, watch=None, told=None):
    network = network or network_of()
    panel = panel or Sessions()
    settings = (Objective(), schedule, watch or Watch(warm_up=3))
    said = [] if told is None else told
    found = train(network, Span(panel, tuple(range(20))), validation, settings, said.append, kept)
    return found, network.state_dict()


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first)


class KilledError(Exception):
    pass


def killed_after(count):
    def kill(session):
        kill.left -= 1
        if kill.left < 0:
            raise KilledError
        return session

    kill.left = count
    return kill


def test_a_planted_signal_is_learnt():
    network = network_of()
    before = mean_rank_ic(network, VALIDATION)
    found, _ = run(replace(QUICK, epochs=6, sessions_per_epoch=20), network)
    assert abs(before) < 0.2
    assert found.rank_ic > 0.5
    assert mean_rank_ic(network, VALIDATION) == found.rank_ic


def test_the_same_seed_gives_the_same_bits():
    (first, weights), (second, again) = run(), run()
    assert first == second
    assert same(weights, again)


def test_another_seed_gives_other_weights():
    assert not same(run()[1], run(replace(QUICK, seed=2))[1])


def test_the_direct_path_learns_at_a_rate_of_its_own():
    start = network_of().state_dict()
    still, deep = (run(replace(QUICK, **rate))[1] for rate in ({"direct_rate": 0.0}, {"learning_rate": 0.0}))
    moved = {name for name, at in start.items() if not torch.equal(at, still[name])}
    lines = {name for name in start if name.startswith("direct.")}
    assert len(lines) == 3
    assert moved
    assert not lines & moved
    assert {name for name, at in start.items() if not torch.equal(at, deep[name])} == lines


def test_torchs_own_random_numbers_are_left_alone():
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    run(replace(QUICK, epochs=1))
    assert torch.equal(torch.rand(3), wanted)


@pytest.fixture(scope="module")
def uninterrupted():
    return run(network=network_of(DROPPING))


@pytest.mark.parametrize("steps", [2, 10, 16])
def test_a_killed_training_resumes_to_the_same_bits(tmp_path, uninterrupted, steps):
    kept = tmp_path / "one.pt"
    with pytest.raises(KilledError):
        run(network=network_of(DROPPING), panel=Sessions(change=killed_after(steps)), kept=kept)
    assert kept.is_file() == (steps >= 3)
    rest = Sessions()
    resumed = run(network=network_of(DROPPING, seed=9 if steps >= 3 else 0), panel=rest, kept=kept)
    assert len(rest.asked) < 24 or steps < 3
    assert resumed[0] == uninterrupted[0]
    assert same(resumed[1], uninterrupted[1])


def test_a_finished_training_is_not_done_again(tmp_path):
    first = run(kept=tmp_path / "one.pt")
    panel = Sessions()
    again = run(panel=panel, kept=tmp_path / "one.pt", network=network_of(seed=3))
    assert panel.asked == []
    assert again[0] == first[0]
    assert same(again[1], first[1])


def test_a_damaged_checkpoint_is_refused(tmp_path):
    (tmp_path / "one.pt").write_bytes(b"half of a checkpoint")
    with pytest.raises(CheckpointError, match=r"one.pt in .* cannot be read"):
        run(kept=tmp_path / "one.pt")


def test_a_checkpoint_that_would_run_code_is_refused(tmp_path):
    torch.save({"step": KilledError}, tmp_path / "one.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load(tmp_path / "one.pt")


def planted_collapse(network):
    """Scores that are the same for every code, and cannot learn to be otherwise."""
    for layer in (*network.heads.out, *network.direct.children()):
        torch.nn.init.zeros_(layer.weight)
        layer.weight.requires_grad_(requires_grad=False)
    return network


def test_a_planted_collapse_stops_the_training():
    with pytest.raises(CollapsedError, match="At step 5 the scores of horizon 1 spread"):
        run(network=planted_collapse(network_of()))


def test_heads_that_are_drawn_anew_go_on():
    network = planted_collapse(network_of())
    found, _ = run(network=network, watch=Watch(warm_up=3, then="restart_heads"))
    assert found.epochs >= 1
    assert network.heads.out[0].weight.abs().sum() > 0


def test_training_stops_when_validation_gets_no_better():
    told = []
    backwards = Sessions(change=lambda s: s._replace(returns=-s.returns))
    found, _ = run(replace(QUICK, epochs=30, patience=2), validation=Span(backwards, tuple(range(100, 106))), told=told)
    assert len(told) == found.epochs + 2 < 30


def test_without_validation_all_epochs_are_taken():
    found, weights = run(validation=None)
    assert found.epochs == 3
    assert np.isnan(found.rank_ic)
    assert not same(weights, network_of().state_dict())


def test_the_average_is_what_is_kept():
    averaged, last = run(replace(QUICK, ema=0.95), validation=None)[1], run(replace(QUICK, ema=0.0), validation=None)[1]
    assert not same(averaged, last)


def test_an_infinite_feature_is_refused_with_its_session():
    def spoil(session):
        session.x[0, -1, 0] = torch.inf
        return session

    with pytest.raises(NotFiniteError, match=r"At step 0, session \d+ of the panel, the loss is nan"):
        run(panel=Sessions(change=spoil))


def test_validation_without_labels_is_refused():
    blank = Sessions(change=lambda s: s._replace(returns=torch.full_like(s.returns, torch.nan)))
    with pytest.raises(NoLabelsError, match="None of the 6 validation sessions has 20 labels"):
        run(validation=Span(blank, tuple(range(6))))


def test_a_gpu_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(DeviceError, match="torch sees none"):
        device_of(Schedule(device="cuda"))


def test_a_schedule_without_epochs_is_refused():
    with pytest.raises(SettingsError, match="below 1"):
        Schedule(epochs=0)


def test_random_sessions_are_equal_by_seed():
    assert torch.equal(random_session(seed=1).x, random_session(seed=1).x)
