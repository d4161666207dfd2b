"""A network's run is killed and started again: what was learnt is not learnt twice."""

import pytest

from planted.market import draw, fill, settings_of
from planted.windows import SMALL
from tosho.models.atft.forecaster import ATFT
from tosho.models.atft.settings import Schedule
from tosho.models.kinds import MissingLibraryError
from tosho.steps import findings, networks

DRAWN = draw(codes=40, length=170, strength=0.5)
FIRST, LAST = DRAWN.sessions[0], DRAWN.sessions[-1]
SHORT = Schedule(epochs=2, sessions_per_epoch=15, learning_rate=1e-2, ema=0.9, threads=1)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "network", lambda _size: ATFT(SMALL, schedule=SHORT))
    found = settings_of(tmp_path)
    fill(found, DRAWN)
    return found


def test_a_run_that_was_killed_goes_on_and_leaves_no_checkpoint(settings, tmp_path, monkeypatch):
    told = []

    class Told(findings._Counter):
        def __call__(self, what):
            told.append(what)
            if len(told) == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(findings, "_Counter", Told)
    with pytest.raises(KeyboardInterrupt):
        networks.train_network(settings, FIRST, LAST)
    assert list((tmp_path / "checkpoints").rglob("*.pt"))
    done = networks.train_network(settings, FIRST, LAST)
    assert done["is_new"]
    assert told[2].startswith("fold 2, epoch 1")
    assert not set(told[3:]) & set(told[:2]), "the first fold was learnt twice"
    assert not list((tmp_path / "checkpoints").rglob("*.pt"))


def test_without_torch_a_sentence_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tosho.models.kinds.find_spec", lambda _name: None)
    with pytest.raises(MissingLibraryError, match=r"torch is not installed here\. Build the training image with it"):
        networks.train_network(settings_of(tmp_path), FIRST, LAST)
