from dataclasses import replace

import numpy as np
import pytest

from dataset.panels import DAYS, arrays_of, manifest_of, panel_of
from tosho.dataset.panel_files import PanelError, PanelManifest, bfloat16_bits
from tosho.dataset.panel_store import PanelStore
from tosho.dataset.stored import PanelMissingError
from tosho.storage import Files

MANIFEST = manifest_of(DAYS[:12], codes=20)
ARRAYS = arrays_of(MANIFEST)
ALONG = {"sessions": ("features", "present", "returns", "targets", "static"), "weeks": ("neighbours", "edges")}


def publish(store, manifest=MANIFEST, arrays=ARRAYS):
    def pieces(days, names):
        return tuple(store.put(manifest, day, {name: arrays[name][i] for name in names}) for i, day in enumerate(days))

    rows, graphs = pieces(manifest.sessions, ALONG["sessions"]), pieces(manifest.weeks, ALONG["weeks"])
    whole = replace(manifest, session_pieces=rows, week_pieces=graphs)
    store.publish(whole)
    return whole


@pytest.fixture
def store(tmp_path):
    return PanelStore(Files(f"file://{tmp_path}/lake"), "drawn")


def opened(folder):
    from tosho.dataset.tensors import Panel

    return Panel.open(folder)


def test_what_is_published_is_what_is_mapped(store, tmp_path):
    manifest = publish(store)
    assert store.fetch(tmp_path / "panel") == manifest
    found = opened(tmp_path / "panel")
    assert found.manifest == manifest
    for name, values in ARRAYS.items():
        assert np.array_equal(getattr(found, name).numpy(), values, equal_nan=True), name


def test_a_mapped_panel_gives_the_batches_of_one_in_memory(store, tmp_path):
    publish(store)
    store.fetch(tmp_path / "panel")
    found, wanted = opened(tmp_path / "panel").batch(7, 5), panel_of(MANIFEST, ARRAYS).batch(7, 5)
    assert found.x.equal(wanted.x)
    assert found.neighbours.equal(wanted.neighbours)


def test_writing_to_a_mapped_panel_does_not_reach_its_files(store, tmp_path):
    publish(store)
    store.fetch(tmp_path / "panel")
    before = (tmp_path / "panel/features.bin").read_bytes()
    opened(tmp_path / "panel").features.zero_()
    assert (tmp_path / "panel/features.bin").read_bytes() == before


def test_a_manifest_comes_back_as_it_was():
    scaled = replace(MANIFEST, labelled=DAYS[3], scaler={"f0": (0.5, 0.1)}, made_from="abc")
    assert PanelManifest.from_json(scaled.to_json()) == scaled


def test_the_manifest_tells_a_stranger_what_the_files_hold():
    import json

    told = json.loads(MANIFEST.to_json())["arrays"]
    assert told["features"] == {"type": "<f4", "shape": [12, 20, 5]}
    assert told["edges"]["shape"] == [len(MANIFEST.weeks), 20, 6, 3]


def test_fetching_again_does_nothing_until_another_is_published(store, tmp_path):
    publish(store)
    store.fetch(tmp_path / "panel")
    inode = (tmp_path / "panel/features.bin").stat().st_ino
    store.fetch(tmp_path / "panel")
    assert (tmp_path / "panel/features.bin").stat().st_ino == inode
    publish(store, replace(MANIFEST, normalised="in another way"))
    assert store.fetch(tmp_path / "panel").normalised == "in another way"
    assert opened(tmp_path / "panel").manifest.normalised == "in another way"


@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_a_damaged_piece_is_named_and_the_folder_stays(store, tmp_path, damage):
    publish(store)
    store.fetch(tmp_path / "panel")
    manifest = publish(store, replace(MANIFEST, normalised="in another way"))
    path = f"{store.folder}/sessions/{manifest.session_pieces[3].file}"
    data = store.files.read(path)
    if damage == "gone":
        store.files.delete(path)
    else:
        store.files.write(path, data[:-4] if damage == "cut" else b"\x01" + data[1:])
    with pytest.raises(PanelError, match=manifest.session_pieces[3].file):
        store.fetch(tmp_path / "panel")
    assert not opened(tmp_path / "panel").manifest.normalised
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("panel")] == ["panel"]


@pytest.mark.parametrize("damage", ["cut", "gone"])
def test_a_mapped_file_of_another_length_is_refused(store, tmp_path, damage):
    publish(store)
    store.fetch(tmp_path / "panel")
    path = tmp_path / "panel/returns.bin"
    data = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(data[:-1])
    with pytest.raises(PanelError, match=rf"returns.bin has {len(data) - 1 if damage == 'cut' else 0} bytes"):
        opened(tmp_path / "panel")


def test_a_session_without_a_piece_is_not_published(store):
    whole = publish(store)
    with pytest.raises(PanelError, match=f"12 sessions were asked for and 11 pieces came; missing .*{DAYS[11]}"):
        store.publish(replace(whole, session_pieces=whole.session_pieces[:-1]))
    assert store.manifest() == whole


def test_pieces_of_earlier_panels_go(store):
    publish(store)
    before = {entry.path for entry in store.files.tree(store.folder)}
    fewer = manifest_of(DAYS[:5], codes=20)
    publish(store, fewer, arrays_of(fewer, seed=2))
    after = {entry.path for entry in store.files.tree(store.folder)}
    assert before & after == {f"{store.folder}/manifest.json"}
    assert len(after) == 1 + 5 + len(fewer.weeks)


def test_a_slice_of_another_shape_is_refused(store):
    arrays = {name: ARRAYS[name][0] for name in ALONG["sessions"]}
    with pytest.raises(PanelError, match=r"static of a piece has shape \[20, 2\]; it must be \[20, 3\]"):
        store.put(MANIFEST, DAYS[0], arrays | {"static": arrays["static"][:, :2]})
    with pytest.raises(PanelError, match="the arrays of a session or of a week; these are"):
        store.put(MANIFEST, DAYS[0], {"features": arrays["features"]})


def test_a_panel_that_was_not_published_is_named(store, tmp_path):
    with pytest.raises(PanelMissingError, match="No dataset 'drawn' was published"):
        store.fetch(tmp_path / "panel")
    with pytest.raises(PanelError, match="holds no panel"):
        opened(tmp_path)


@pytest.mark.parametrize("data", [b"{}", b"no json", b'{"format": 99, "arrays": {}}'])
def test_a_manifest_of_another_kind_is_refused(data):
    with pytest.raises(PanelError, match="Build it again"):
        PanelManifest.from_json(data)


def test_bfloat16_rounds_as_torch_does():
    import torch

    values = np.concatenate([np.random.default_rng(0).normal(size=4096), [0.0, -0.0, 1.00390625, 1.01171875]])
    values = values.astype(np.float32)
    wanted = torch.from_numpy(values).bfloat16().view(torch.uint16).numpy()
    assert np.array_equal(bfloat16_bits(values), wanted)
