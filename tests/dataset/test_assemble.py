from datetime import date

import numpy as np
import polars as pl
import pytest

from tosho.calendar import sessions
from tosho.config import S3
from tosho.contracts import HORIZONS, features_contract
from tosho.dataset.assemble import assemble, assemble_features, fingerprint
from tosho.dataset.samples import Columns, ColumnsError
from tosho.storage import Files, Lake, PartitionMissingError

COLUMNS = Columns("tiny", 3, ("a", "b", "c"))
DAYS = sessions(date(2024, 1, 4), date(2024, 1, 12))
FACTS = {"feature_set": "tiny", "number": 3}


@pytest.fixture
def lake(tmp_path):
    lake = Lake(Files(f"file://{tmp_path}/lake", S3()))
    for i, day in enumerate(DAYS):
        publish(lake, day, ["13010", "13020", "13030"][: 2 + i % 2], float(i))
        labels = pl.DataFrame({"session": [day] * 2, "code": ["13020", "99990"]})
        values = {f"y_{h}": [0.01 * h + i, 9.0] for h in HORIZONS}
        lake.publish("labels", day, labels.with_columns(**{k: pl.Series(v) for k, v in values.items()}))
    return lake


def publish(lake, day, codes, value, names=COLUMNS.names, facts=FACTS):
    frame = pl.DataFrame({"session": [day] * len(codes), "code": codes})
    values = {name: None if name == "b" else value + j for j, name in enumerate(names)}
    lake.publish("features", day, frame.with_columns(**values), contract=features_contract(names), facts=facts)


def test_rows_come_by_session_and_code_with_nulls_as_nan(lake):
    samples = assemble(lake, COLUMNS, DAYS)
    assert samples.features.dtype == samples.returns.dtype == np.float32
    assert np.diff(samples.bounds).tolist() == [2 + i % 2 for i in range(len(DAYS))]
    assert samples.codes[:5].tolist() == [b"13010", b"13020", b"13010", b"13020", b"13030"]
    assert samples.features[2:5, [0, 2]].tolist() == [[1.0, 3.0]] * 3
    assert np.isnan(samples.features[:, 1]).all()
    assert samples.unseen() == ("b",)


def test_labels_stand_beside_their_code_and_the_rest_is_nan(lake):
    samples = assemble(lake, COLUMNS, DAYS)
    assert samples.returns[1] == pytest.approx([0.01 * h for h in HORIZONS])
    assert np.isnan(samples.returns[0]).all()
    assert np.nanmax(samples.returns) < 9.0


def test_scoring_reads_no_label(lake):
    assert np.isnan(assemble_features(lake, COLUMNS, DAYS).returns).all()


@pytest.mark.parametrize("facts", [{"feature_set": "tiny", "number": 4}, {"feature_set": "core", "number": 3}])
def test_another_set_or_number_is_refused(lake, facts):
    publish(lake, DAYS[2], ["13010"], 0.0, facts=facts)
    with pytest.raises(ColumnsError, match=f"features of {DAYS[2]} holds feature set .* asked for was 'tiny' number 3"):
        assemble(lake, COLUMNS, DAYS)


def test_features_that_do_not_say_their_number_are_refused(lake):
    publish(lake, DAYS[2], ["13010"], 0.0, facts={})
    with pytest.raises(ColumnsError, match="do not say of which set"):
        assemble(lake, COLUMNS, DAYS)


@pytest.mark.parametrize("names", [("a", "c", "b"), ("a", "b"), ("a", "b", "c", "d")])
def test_another_order_or_number_of_columns_is_refused(lake, names):
    publish(lake, DAYS[2], ["13010"], 0.0, names=names)
    with pytest.raises(ColumnsError, match=f"features of {DAYS[2]} has {len(names)} columns and asked for were 3"):
        assemble(lake, COLUMNS, DAYS)


def test_a_session_without_features_is_named(lake):
    with pytest.raises(PartitionMissingError, match="2024-01-15"):
        assemble_features(lake, COLUMNS, [*DAYS, date(2024, 1, 15)])


def test_a_span_is_a_view_and_a_selection_a_copy(lake):
    samples = assemble(lake, COLUMNS, DAYS)
    part = samples.between(DAYS[1], DAYS[2])
    assert part.sessions == (DAYS[1], DAYS[2])
    assert part.bounds.tolist() == [0, 3, 5]
    assert np.shares_memory(part.features, samples.features)
    few = samples.thinned(4, seed=0)
    assert few.rows == 4 == few.bounds[-1]
    assert few.sessions == samples.sessions


def test_the_fingerprint_follows_the_data(lake):
    before = fingerprint(lake, DAYS)
    assert before == fingerprint(lake, DAYS)
    publish(lake, DAYS[2], ["13010"], 5.0)
    assert fingerprint(lake, DAYS) != before
