"""A run whose feature set is beyond the declared plan ends before anything is asked of J-Quants."""

from datetime import date

import pytest

from tosho.config import JQuants, Settings
from tosho.ingest import PlanTooSmallError
from tosho.steps import daily, history
from tosho.storage import Lake

SESSION = date(2018, 11, 16)


@pytest.fixture
def settings(tmp_path):
    nobody = JQuants("http://127.0.0.1:9/v2", "key", "light")
    return Settings(lake=f"file://{tmp_path}/lake", feature_set="standard", jquants=nobody)


def test_the_daily_run_is_refused_at_once(settings):
    with pytest.raises(PlanTooSmallError, match=r"'standard' needs margin_alerts \(/markets/margin-alert"):
        daily.ingest(SESSION, settings)
    assert Lake.of(settings).tables() == []


def test_a_history_is_refused_at_once(settings):
    with pytest.raises(PlanTooSmallError, match="the settings declare plan 'light'"):
        history.ingest(SESSION, SESSION, settings)
    assert Lake.of(settings).tables() == []
