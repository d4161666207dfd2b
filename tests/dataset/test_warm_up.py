import numpy as np
import pytest

from dataset import tiny_lake
from tosho.dataset.assemble import assemble
from tosho.dataset.samples import ColumnsError
from tosho.dataset.warm_up import Known, NeverFullError


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    return tiny_lake.fill(tmp_path_factory.mktemp("lake"))


def known(counts, rows=10):
    """Return what is known of as many sessions as there are rows of counts."""
    return Known(tiny_lake.DAYS[: len(counts)], np.full(len(counts), rows), np.array(counts))


def test_a_lake_tells_of_its_sessions_what_their_rows_in_memory_do(market):
    lake, labelled = market
    told = Known.in_lake(lake, tiny_lake.COLUMNS, labelled)
    wanted = Known.of(assemble(lake, tiny_lake.COLUMNS, labelled))
    assert told.sessions == wanted.sessions
    assert (told.rows == wanted.rows).all()
    assert (told.known == wanted.known).all()
    assert 0 < told.known[:, 1].sum() < told.rows.sum(), "a feature is null now and then"


def test_sessions_are_full_from_the_first_on_in_which_half_is_known():
    days = tiny_lake.DAYS
    assert known([[10, 0], [8, 1], [9, 1], [0, 0], [10, 10]]).full() == days[:5]
    assert known([[9, 0], [8, 1], [10, 10], [0, 0], [10, 10]]).full() == days[2:5]


def test_a_feature_that_is_never_known_does_not_count():
    assert known([[4, 0], [5, 0]]).full() == tiny_lake.DAYS[1:2]
    with pytest.raises(NeverFullError):
        known([[4, 0], [8, 1]]).full()


def test_a_session_without_a_row_is_not_full():
    assert known([[0], [5]])._replace(rows=np.array([0, 10])).full() == tiny_lake.DAYS[1:2]


@pytest.mark.parametrize("counts", [[[0, 0], [0, 0]], [[4, 0], [4, 0]]])
def test_where_no_session_is_full_a_sentence_says_so(counts):
    with pytest.raises(NeverFullError, match=r"In none of the 2 sessions from .* are half of the features known"):
        known(counts).full()


def test_features_of_another_number_are_refused(market):
    lake, labelled = market
    with pytest.raises(ColumnsError, match="number 3; asked for was 'tiny' number 4"):
        Known.in_lake(lake, tiny_lake.COLUMNS._replace(number=4), labelled)
