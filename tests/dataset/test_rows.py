"""Rows that were published are mapped with the bits that training assembles, and no others."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from dataset.tiny_lake import COLUMNS, fill, here, publish_features
from tosho.dataset.assemble import assemble, with_static
from tosho.dataset.panel_files import PanelError
from tosho.dataset.rows_build import build_rows, known_rows
from tosho.dataset.rows_files import mapped
from tosho.dataset.rows_store import RowsStore
from tosho.dataset.samples import ColumnsError
from tosho.dataset.stored import PanelMissingError

ARRAYS = ("bounds", "codes", "features", "returns", "static")


@pytest.fixture
def market(tmp_path):
    return fill(tmp_path / "market")


@pytest.fixture
def built(market):
    lake, sessions = market
    assert known_rows(lake, "rows", COLUMNS, sessions) is None
    manifest = build_rows(lake, "rows", COLUMNS, sessions, here)
    return RowsStore(lake.files, "rows"), manifest


def test_what_is_mapped_has_the_bits_of_what_is_assembled(market, built, tmp_path):
    lake, sessions = market
    store, manifest = built
    found, wanted = mapped(store.fetch(tmp_path / "home")), with_static(lake, assemble(lake, COLUMNS, sessions))
    assert (found.columns, found.sessions) == (wanted.columns, wanted.sessions)
    assert found.rows == manifest.rows
    for name in ARRAYS:
        one, other = getattr(found, name), getattr(wanted, name)
        assert (one.dtype, one.shape) == (other.dtype, other.shape), name
        assert one.tobytes() == other.tobytes(), name
    assert np.isnan(found.features).any()
    assert found.static.any()


def test_nothing_is_copied_and_what_is_written_does_not_reach_the_files(built, tmp_path):
    folder = built[0].fetch(tmp_path / "home")
    found, before = mapped(folder), (folder / "features.bin").read_bytes()
    part = found.between(found.sessions[3], found.sessions[5])
    assert np.shares_memory(part.features, found.features)
    assert isinstance(found.features.base, np.memmap)
    found.features[:] = 7
    assert (folder / "features.bin").read_bytes() == before


def test_sessions_of_the_warm_up_are_left_out(market, tmp_path):
    lake, sessions = market
    for session in sessions[:4]:
        frame = lake.read("features", session).with_columns(a=None, b=None, market=None)
        facts = lake.manifest("features", session).facts
        lake.publish("features", session, frame, contract=contract(), facts=facts)
    manifest = build_rows(lake, "rows", COLUMNS, sessions, here)
    assert manifest.sessions == tuple(sessions[4:])
    found = mapped(RowsStore(lake.files, "rows").fetch(tmp_path / "home"))
    wanted = assemble(lake, COLUMNS, sessions[4:])
    assert found.features.tobytes() == wanted.features.tobytes()
    assert len(lake.files.names("datasets/rows/rows")) == len(sessions) - 4


def contract():
    from tosho.contracts import features_contract

    return features_contract(COLUMNS.names)


def test_the_same_again_is_known_and_other_data_make_the_rows_anew(market, built, tmp_path):
    lake, sessions = market
    store, manifest = built
    assert known_rows(lake, "rows", COLUMNS, sessions) == manifest
    earlier = mapped(store.fetch(tmp_path / "home"))
    before = earlier.features.tobytes()
    publish_features(lake, sessions[5], seed=1)
    assert known_rows(lake, "rows", COLUMNS, sessions) is None
    changed = build_rows(lake, "rows", COLUMNS, sessions, here)
    assert sum(a != b for a, b in zip(manifest.pieces, changed.pieces, strict=True)) == 1
    assert len(lake.files.names("datasets/rows/rows")) == len(sessions)
    later = mapped(store.fetch(tmp_path / "home"))
    assert later.features.tobytes() != before
    assert earlier.features.tobytes() == before, "who has them mapped keeps them"
    assert len([path for path in (tmp_path / "home").iterdir() if path.is_dir()]) == 1


def test_a_run_that_is_ended_leaves_what_was_published(market, built):
    lake, sessions = market

    def dies(pieces, what):
        yield pieces(0)
        raise KeyboardInterrupt

    publish_features(lake, sessions[1], seed=1)
    with pytest.raises(KeyboardInterrupt):
        build_rows(lake, "rows", COLUMNS, sessions, dies)
    assert built[0].manifest() == built[1]
    assert set(lake.files.names("datasets/rows/rows")) == {piece.file for piece in built[1].pieces}


def test_several_that_fetch_at_once_have_one_folder(built, tmp_path):
    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(lambda _: built[0].fetch(tmp_path / "home"), range(6)))
    assert len(set(folders)) == 1
    assert mapped(folders[0]).rows == built[1].rows


def test_a_piece_that_is_gone_or_not_the_published_one_is_refused(built, tmp_path):
    store, manifest = built
    path = f"datasets/rows/rows/{manifest.pieces[2].file}"
    store.files.write(path, store.files.read(path)[:-1] + b"x")
    with pytest.raises(PanelError, match="has another checksum or length than its manifest tells"):
        store.fetch(tmp_path / "home")
    store.files.delete(path)
    with pytest.raises(PanelError, match="Dataset rows lacks its piece"):
        store.fetch(tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_a_file_of_another_length_is_refused(built, tmp_path):
    folder = built[0].fetch(tmp_path / "home")
    with (folder / "returns.bin").open("ab") as file:
        file.write(b"x")
    with pytest.raises(PanelError, match=r"returns.bin has \d+ bytes; the manifest says"):
        mapped(folder)


def test_what_was_not_published_or_cannot_be_read_is_a_sentence(built, tmp_path):
    store = built[0]
    with pytest.raises(PanelMissingError, match=r"No dataset 'other' was published in .*; there are \['rows'\]"):
        replace(store, name="other").fetch(tmp_path)
    store.files.write("datasets/rows/manifest.json", b"{}")
    with pytest.raises(PanelError, match="No manifest of rows can be read here"):
        store.fetch(tmp_path)
    with pytest.raises(PanelError, match="holds no rows: there is no manifest"):
        mapped(tmp_path)


def test_features_of_another_number_are_refused_and_nothing_is_published(market):
    lake, sessions = market
    with pytest.raises(ColumnsError, match="number 3; asked for was 'tiny' number 4"):
        build_rows(lake, "rows", COLUMNS._replace(number=4), sessions, here)
    assert lake.files.names("datasets") == []
