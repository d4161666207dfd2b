import shutil

import numpy as np
import pytest

from dataset.tiny_lake import COLUMNS, RANGE, fill
from tosho.dataset.assemble import assemble_features, with_static
from tosho.dataset.vocabulary import static_numbers
from tosho.storage import Files, Lake

DAYS = RANGE[10:14]


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("lake"))[0]


@pytest.fixture
def own(lake, tmp_path):
    shutil.copytree(lake.files.root.removeprefix("file://"), tmp_path / "lake")
    return Lake(Files(f"file://{tmp_path}/lake"))


def wanted(lake, samples, listing):
    listed = lake.read("securities", listing)
    told = dict(zip(listed["code"], static_numbers(listed).tolist(), strict=True))
    return [told.get(code.decode(), [0, 0, 0]) for code in samples.codes]


def test_each_row_has_what_its_sessions_listing_says(lake):
    samples = with_static(lake, assemble_features(lake, COLUMNS, DAYS))
    for session in DAYS:
        one = samples.between(session, session)
        assert one.static.tolist() == wanted(lake, one, session)
    assert len(np.unique(samples.static, axis=0)) > 1


def test_the_newest_listing_holds_where_a_session_has_none(own):
    own.files.delete_folder(f"tables/securities/session={DAYS[2]}")
    one = with_static(own, assemble_features(own, COLUMNS, DAYS)).between(DAYS[2], DAYS[2])
    assert one.static.tolist() == wanted(own, one, DAYS[1])


def test_without_any_listing_all_is_unknown(own):
    own.files.delete_folder("tables/securities")
    assert not with_static(own, assemble_features(own, COLUMNS, DAYS)).static.any()


def test_rows_that_are_kept_keep_what_is_known_of_them(lake):
    samples = with_static(lake, assemble_features(lake, COLUMNS, DAYS))
    kept = np.arange(samples.rows) % 3 == 0
    assert samples.where(kept).static.tolist() == samples.static[kept].tolist()
