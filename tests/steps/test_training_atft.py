import pytest

from planted.market import QUICK as TREES
from planted.market import draw, fill, settings_of
from planted.windows import SMALL
from tosho.models.atft.forecaster import ATFT
from tosho.models.atft.settings import Schedule
from tosho.models.registry import Registry
from tosho.steps import scoring
from tosho.steps.training import train

DRAWN = draw(codes=40, length=170, strength=0.5)
FIRST, LAST = DRAWN.sessions[0], DRAWN.sessions[-1]
SHORT = Schedule(epochs=1, sessions_per_epoch=20, learning_rate=1e-2, ema=0.9, threads=1)
QUICK = ATFT(SMALL, schedule=SHORT)


@pytest.fixture(scope="module")
def settings(tmp_path_factory):
    found = settings_of(tmp_path_factory.mktemp("home"))
    fill(found, DRAWN)
    return found


@pytest.fixture(scope="module")
def trained(settings):
    return train(settings, FIRST, LAST, learner=QUICK)


def test_a_network_is_registered_under_a_name_of_its_own(settings, trained):
    assert trained["model"] == "tosho-atft"
    assert Registry(settings, "tosho-atft").find("challenger").version == trained["version"]
    assert Registry(settings).find("challenger") is None


def test_its_bundle_scores_a_session_with_the_sessions_before(settings, trained):
    registry = Registry(settings, "tosho-atft")
    bundle = registry.bundle(registry.find("challenger"))
    assert bundle.name == "tosho-atft"
    lake = scoring.Lake.of(settings)
    seen = scoring.assemble_features(lake, bundle.columns, DRAWN.sessions[-1 - bundle.forecaster.context :])
    assert bundle.predict(seen).shape == (40 * (1 + bundle.forecaster.context), 4)


def test_the_tests_of_the_run_were_made(trained):
    assert set(trained["tests"]) == {"suspected leak", "shuffled labels", "planted leak"}
    assert "the alarm rings above" in trained["tests"]["planted leak"]


def test_a_session_is_scored_by_the_kind_that_is_asked_for(settings, trained):
    told = scoring.score(settings, LAST, kind="atft")
    assert (told["model"], told["version"]) == ("tosho-atft", trained["version"])
    rows = scoring.Lake.of(settings).read("predictions", LAST)
    assert set(rows["model"]) == {"tosho-atft"}
    assert rows["score"].is_finite().all()


def test_each_kind_has_versions_of_its_own(settings, trained):
    assert train(settings, FIRST, LAST, learner=QUICK) | {"seconds": 0} == trained | {"is_new": False, "seconds": 0}
    trees = train(settings, FIRST, LAST, learner=TREES)
    assert (trees["model"], trees["version"]) == ("tosho-lightgbm", "1")
