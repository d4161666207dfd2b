from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from planted.market import draw, samples, settings_of
from tosho.contracts import HORIZONS
from tosho.dataset.samples import Columns
from tosho.evaluation.book import Trading
from tosho.evaluation.ic import daily_ic
from tosho.evaluation.sharpe import Trials
from tosho.models.walk import Walked, stacked
from tosho.steps.measures import measure
from tosho.steps.trial import Trial
from tosho.storage import Lake

DRAWN = draw(codes=60, length=60)


def market(names=("f0", "scale_bucket", "adv60", "f3", "f4", "f5")):
    whole = samples(DRAWN)
    features = whole.features.copy()
    codes = np.arange(whole.rows) % 60
    features[:, 1] = np.where(codes < 30, 1.0, 3.0)
    features[:, 2] = codes
    return replace(whole, columns=Columns("planted", 1, names), features=features)


def trial_of(whole):
    halves = [whole.between(*whole.sessions[:19:18]), whole.between(whole.sessions[19], whole.sessions[-1])]
    parts = tuple(Walked(None, None, part, np.repeat(part.features[:, :1], 4, axis=1)) for part in halves)
    tested, scores = stacked(parts)
    return Trial(parts, tested, scores, daily_ic(scores, tested), ())


def listed(lake, sessions):
    for session in sessions:
        unasked = dict.fromkeys(("margin_class", "product")) | {"name_en": "x", "sector17": "1"}
        rows = unasked | {"session": session, "name": "x", "segment": "0111", "scale": "-"}
        sector = ["3050" if i % 2 else "0050" for i in range(60)]
        frame = pl.DataFrame({"code": DRAWN.codes, "sector33": sector}).with_columns(
            pl.lit(v).alias(k) for k, v in rows.items()
        )
        lake.publish("securities", session, frame)


@pytest.fixture
def lake(tmp_path):
    return Lake.of(settings_of(tmp_path))


def test_groups_are_what_was_known_at_the_session(lake):
    whole = market()
    listed(lake, whole.sessions)
    found = measure(lake, trial_of(whole), Trading(), Trials(1))
    assert found.notes == ()
    assert {name: [g.name for g in groups] for name, groups in found.groups.items()} == {
        "sector": ["0050 Fishery, Agriculture & Forestry", "3050 Foods"],
        "size": ["Mid400", "Small 2"],
        "liquidity": ["1, lowest", "2", "3", "4", "5, highest"],
    }
    size = whole.where(whole.features[:, 1] == 3.0)
    alone = daily_ic(np.repeat(size.features[:, :1], 4, axis=1), size)
    (mid, _) = found.groups["size"]
    assert mid.results[0].rank_ic == pytest.approx(alone.rank[:, 0].mean())
    assert not found.groups["liquidity"][0].is_measured  # twelve codes


def test_a_later_listing_does_not_change_an_earlier_session(lake):
    whole = market()
    listed(lake, whole.sessions[20:])
    found = measure(lake, trial_of(whole), Trading(), Trials(1))
    sessions = {g.results[0].sessions for g in found.groups["sector"]}
    assert sessions == {len(whole.sessions) - 20}
    assert found.notes == ("20 of 39 sessions have no list of securities; by sector they do not count.",)


def test_what_the_features_do_not_tell_is_said(lake):
    found = measure(lake, trial_of(market(tuple("abcdef"))), Trading(), Trials(1))
    assert found.groups == {}
    assert "39 of 39 sessions have no list of securities" in found.notes[0]
    assert found.notes[1] == "No row has the feature scale_bucket; results by size are left out."
    assert found.notes[2] == "No row has a feature of adv60, adv20; by liquidity nothing is told."


def test_the_figures_are_logged_by_horizon(lake):
    found = measure(lake, trial_of(market()), Trading(cost_bp=4.0), Trials(8)).metrics()
    assert found["trials"] == 8
    assert {name for name in found if name.startswith("net_bp")} == {f"net_bp_h{h:02d}" for h in HORIZONS}
    assert found["net_bp_h01"] == pytest.approx(found["gross_bp_h01"] - 4 * 4 * found["turnover_h01"])
