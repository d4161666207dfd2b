from dataclasses import replace

import numpy as np
import pytest
import torch  # noqa: TID253 - the tests of its door

from dataset.panels import DAYS, arrays_of, manifest_of, panel_of
from tosho.dataset.panel_files import PanelError
from tosho.dataset.samples import ColumnsError
from tosho.dataset.tensors import ROWS_TOGETHER, PanelBatchError

MANIFEST = manifest_of()
ARRAYS = arrays_of(MANIFEST)
LENGTH, HERE = 20, 30


@pytest.fixture(scope="module")
def panel():
    return panel_of(MANIFEST, ARRAYS)


@pytest.fixture(scope="module")
def batch(panel):
    return panel.batch(HERE, LENGTH)


def test_a_batch_holds_what_its_session_holds(batch):
    """Against plain loops over the arrays."""
    at = np.flatnonzero(ARRAYS["present"][HERE])
    window = slice(HERE - LENGTH + 1, HERE + 1)
    rows = len(at)
    assert batch.codes[:rows].tolist() == at.tolist()
    assert np.array_equal(batch.x[:rows], ARRAYS["features"][window][:, at].transpose(1, 0, 2))
    assert np.array_equal(batch.present[:rows], ARRAYS["present"][window][:, at].T.astype(bool))
    for name, found in {"targets": batch.target, "returns": batch.returns, "static": batch.static}.items():
        assert np.array_equal(found[:rows], ARRAYS[name][HERE][at], equal_nan=True), name
    week = sum(day <= DAYS[HERE] for day in MANIFEST.weeks) - 1
    for row, code in enumerate(at):
        mine = zip(ARRAYS["neighbours"][week][code], ARRAYS["edges"][week][code], strict=True)
        wanted = {int(other): edge.tolist() for other, edge in mine if other in at}
        linked = batch.neighbours[row] >= 0
        found = zip(batch.codes[batch.neighbours[row][linked]], batch.edges[row][linked], strict=True)
        assert {int(other): edge.tolist() for other, edge in found} == wanted


def test_every_batch_has_the_same_shapes_and_is_sound(panel):
    shapes = set()
    for i in range(len(DAYS)):
        found = panel.batch(i, LENGTH)
        found.check()
        shapes.add((found.x.shape, found.neighbours.shape, found.target.shape))
    assert len(shapes) == 1
    assert panel.rows % ROWS_TOGETHER == 0


def test_before_the_first_session_no_code_was_present(panel):
    found = panel.batch(3, LENGTH)
    assert not found.present[:, : LENGTH - 4].any()
    assert not found.x[:, : LENGTH - 4].any()
    assert np.array_equal(found.x[:5, -1], panel.features[3][found.codes[:5]])


def test_what_comes_later_is_in_no_batch(panel, batch):
    """A batch of t, but for its labels, has the same bits whatever is stored after t."""
    later = {name: values.copy() for name, values in ARRAYS.items()}
    weeks = sum(day <= DAYS[HERE] for day in MANIFEST.weeks)
    for name in ("features", "static"):
        later[name][HERE + 1 :] += 1
    later["neighbours"][weeks:] = -1
    later["edges"][weeks:] = 0
    found = panel_of(MANIFEST, later).batch(HERE, LENGTH)
    assert all(torch.equal(getattr(found, name), getattr(batch, name)) for name in ("x", "static", "neighbours"))


def test_a_batch_of_tomorrow_would_be_seen(panel, batch):
    """The test above can fail: a batch that looks one session ahead differs."""
    assert not torch.equal(panel.batch(HERE + 1, LENGTH).x, batch.x)


def test_bfloat16_stays_bfloat16():
    manifest = replace(MANIFEST, precision="bfloat16")
    found = panel_of(manifest, ARRAYS).batch(HERE, LENGTH)
    assert found.x.dtype == torch.bfloat16
    found.check()


def test_a_compiled_step_gets_the_same_types_on_another_device(panel):
    found = panel.batch(HERE, LENGTH, device="meta")
    assert found.x.device.type == "meta"
    assert found.x.shape == (panel.rows, LENGTH, 5)


def test_labelled_sessions_are_those_with_a_label():
    arrays = {name: values.copy() for name, values in ARRAYS.items()}
    arrays["targets"][-6:, :, 1] = np.nan
    panel = panel_of(MANIFEST, arrays)
    assert panel.labelled(5) == tuple(range(len(DAYS) - 6))
    assert panel.labelled(1)[-1] == len(DAYS) - 1


@pytest.mark.parametrize("i", [-1, len(DAYS)])
def test_a_session_outside_is_refused(panel, i):
    with pytest.raises(PanelError, match=f"sessions are 0 to {len(DAYS) - 1}"):
        panel.batch(i, LENGTH)


def test_a_tensor_of_another_shape_is_refused(panel):
    with pytest.raises(PanelError, match=r"panel's static are .* its manifest says"):
        replace(panel, static=panel.static[:, :-1])


def test_a_graph_that_begins_later_is_refused():
    late = manifest_of(DAYS[5:])
    panel = panel_of(late, arrays_of(late))
    early = replace(panel, manifest=replace(late, sessions=DAYS[: len(late.sessions)]))
    with pytest.raises(PanelError, match="first graph is of"):
        early.batch(0, LENGTH)


def test_other_columns_are_refused(batch):
    other = batch.columns._replace(number=10)
    with pytest.raises(ColumnsError, match=f"The batch of {DAYS[HERE]} holds feature set 'drawn' number 9"):
        batch.demand(other)
    turned = batch.columns._replace(names=batch.columns.names[::-1])
    with pytest.raises(ColumnsError, match="differ first at place 0"):
        batch.demand(turned)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("present", lambda b: b.present[:, 1:]),
        ("static", lambda b: b.static.int()),
        ("neighbours", lambda b: b.neighbours[:-1]),
        ("edges", lambda b: b.edges[:, :, :2]),
        ("target", lambda b: b.target.double()),
        ("returns", lambda b: b.returns[:, :3]),
        ("x", lambda b: b.x[:, :, :4]),
        ("codes", lambda b: b.codes[:, None]),
    ],
)
def test_a_batch_of_other_shapes_is_refused(batch, name, wrong):
    with pytest.raises(PanelBatchError, match=rf"batch of {DAYS[HERE]} has \w+ .* it must be"):
        replace(batch, **{name: wrong(batch)})


def planted(batch, name, at, value):
    values = getattr(batch, name).clone()
    values[at] = value
    return replace(batch, **{name: values})


FAULTS = {
    "x is not finite": ("x", (0, -1, 0), torch.nan),
    "x is not 0 where": ("x", (-1, 0, 0), 1.0),
    "codes do not rise": ("codes", 1, 0),
    "a row is not present": ("present", (0, -1), False),
    "padding was present": ("present", (-1, 0), True),
    "static has a number": ("static", (0, 0), 99),
    "lie outside": ("neighbours", (0, 0), 10_000),
    "its own neighbour": ("neighbours", (3, 0), 3),
    "a neighbour is padding": ("neighbours", (0, 0), -2 + ROWS_TOGETHER * 2),
    "edges are not finite": ("edges", (0, 0, 0), 1.5),
    "are infinite": ("returns", (0, 0), torch.inf),
    "beyond its limit": ("target", (0, 0), 3.5),
    "padding has a label": ("target", (-1, 0), 0.5),
}


@pytest.mark.parametrize("sentence", FAULTS)
def test_a_value_that_cannot_be_learned_from_is_named(batch, sentence):
    with pytest.raises(PanelBatchError, match=sentence):
        planted(batch, *FAULTS[sentence]).check()


def test_neighbours_that_come_twice_or_edges_of_none_are_named(batch):
    linked = int((batch.neighbours >= 0).sum(dim=1).argmax())
    twice = planted(batch, "neighbours", (linked, slice(0, 2)), batch.neighbours[linked].max())
    with pytest.raises(PanelBatchError, match="comes twice"):
        twice.check()
    alone = int((batch.neighbours < 0).any(dim=1).int().argmax())
    place = int((batch.neighbours[alone] < 0).int().argmax())
    with pytest.raises(PanelBatchError, match="not 0 without a neighbour"):
        planted(batch, "edges", (alone, place, 1), 1.0).check()
