import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from dataset.tiny_lake import BARS, CODES, COLUMNS, PLAN, RANGE, fill, here, publish_features
from tosho.contracts import HORIZONS
from tosho.dataset.build import SessionsMissingError, build_dataset
from tosho.dataset.engines import processes
from tosho.dataset.graph import log_returns
from tosho.dataset.listing import Universe
from tosho.dataset.normalise import FittedBeyondError, Normaliser, audit
from tosho.dataset.panel_store import PanelStore
from tosho.dataset.samples import TARGET_LIMIT, ColumnsError
from tosho.dataset.vocabulary import VOCABULARY
from tosho.storage import Files, Lake, StorageError

NAME, FIT = "tiny", RANGE[:20]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A lake with its dataset built, for tests that change nothing."""
    lake, labelled = fill(tmp_path_factory.mktemp("whole"))
    build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, here)
    return lake, labelled


@pytest.fixture(scope="module")
def panel(whole, tmp_path_factory):
    from tosho.dataset.tensors import Panel

    folder = tmp_path_factory.mktemp("panel") / "tiny"
    PanelStore(whole[0].files, NAME).fetch(folder)
    return Panel.open(folder)


@pytest.fixture
def fresh(whole, tmp_path):
    """The same lake without a dataset."""
    shutil.copytree(whole[0].files.root.removeprefix("file://"), tmp_path / "lake", ignore=lambda *_: {"datasets"})
    return Lake(Files(f"file://{tmp_path}/lake")), whole[1]


def made(lake, name=NAME):
    return {entry.path: lake.files.read(entry.path) for entry in lake.files.tree(f"datasets/{name}")}


def test_a_session_holds_its_features_normalised_among_its_codes(whole, panel):
    i = 40
    rows = whole[0].read("features", RANGE[i])
    at = [panel.codes.index(code) for code in rows["code"]]
    values = rows.select(COLUMNS.names).cast(pl.Float32).fill_null(float("nan")).to_numpy()
    wanted = Normaliser()(values)
    found = panel.features[i].numpy()
    assert panel.columns.names == (*COLUMNS.names, "missing_share")
    assert np.array_equal(found[at][:, [0, 1, 2, 5]], wanted[:, [0, 1, 2, 5]])
    assert np.flatnonzero(panel.present[i].numpy()).tolist() == at
    assert not np.delete(found, at, axis=0).any()


def test_what_all_codes_share_is_scaled_by_the_fitted_range(whole, panel):
    lake, _ = whole
    shared = np.array([lake.read("features", day, ["market"])["market"][0] for day in RANGE])
    wanted = np.clip((shared - shared[:20].mean()) / shared[:20].std(), -3, 3)
    present = panel.present.numpy().astype(bool)
    assert panel.features[..., 3].numpy() == pytest.approx(np.where(present, wanted[:, None], 0), abs=1e-5)
    assert not panel.features[..., 4].any()


def test_the_fitted_range_is_stored_and_audited(panel):
    (fitted,) = panel.manifest.fitted
    assert (fitted.first, fitted.last, fitted.sessions) == (FIT[0], FIT[-1], 20)
    audit(panel.manifest.fitted, FIT[-1])
    with pytest.raises(FittedBeyondError, match="Build the dataset with a split"):
        audit(panel.manifest.fitted, FIT[-2])


def test_returns_and_targets_are_the_labels_of_the_session(whole, panel):
    i = 10
    labels = whole[0].read("labels", RANGE[i])
    place = {code: n for n, code in enumerate(panel.codes)}
    for code, *wanted in labels.select("code", *(f"y_{h}" for h in HORIZONS)).iter_rows():
        found = panel.returns[i, place[code]].tolist()
        assert found == pytest.approx([np.nan if y is None else y for y in wanted], nan_ok=True, rel=1e-6)
    y = panel.returns[i, :, 1].numpy().astype(float)
    wanted = np.clip((y - np.nanmean(y)) / np.nanstd(y), -TARGET_LIMIT, TARGET_LIMIT)
    assert panel.targets[i, :, 1].numpy() == pytest.approx(wanted, nan_ok=True, abs=1e-5)


def test_labels_that_reach_beyond_are_left_out(whole, tmp_path):
    """They lie in the lake, put there by a later run."""
    lake, labelled = whole
    known = labelled[-3]
    manifest, _ = build_dataset(lake, "earlier", PLAN, RANGE, known, FIT, here)
    from tosho.dataset.tensors import Panel

    PanelStore(lake.files, "earlier").fetch(tmp_path / "panel")
    found = Panel.open(tmp_path / "panel")
    assert manifest.labelled == known
    assert found.labelled(1)[-1] == RANGE.index(known)
    assert found.returns[RANGE.index(known) + 1 :].isnan().all()


def test_static_numbers_are_those_of_the_sessions_listing(whole, panel):
    listed = whole[0].read("securities", RANGE[35])
    for code, sector, segment in listed.select("code", "sector33", "segment").iter_rows():
        found = panel.static[35, panel.codes.index(code)].tolist()
        sectors, segments, scales = VOCABULARY.values()
        wanted = sectors.index(sector) + 1 if sector in sectors else 0
        assert found == [wanted, segments.index(segment) + 1, scales.index("TOPIX Small 1") + 1]


def test_a_code_that_no_listing_tells_of_is_unknown(whole, panel):
    untold = set(whole[0].read("features", RANGE[-1])["code"]) - set(whole[0].read("securities", RANGE[-1])["code"])
    assert untold
    assert not panel.static[-1, [panel.codes.index(code) for code in untold]].any()


def test_a_weeks_graph_is_that_of_its_first_session(whole, panel):
    week = panel.manifest.weeks[5]
    listed = whole[0].read("securities", week)
    codes = pl.Series("code", panel.codes)
    here_ = codes.is_in(pl.concat([listed["code"], BARS.filter(pl.col("session") == week)["code"]]).implode())
    told = codes.to_frame().join(listed, on="code", how="left", maintain_order="left")
    sector, segment = (told[name].fill_null("").to_numpy().astype(str) for name in ("sector33", "segment"))
    wanted = PLAN.graph.draw(log_returns(BARS, week, codes), here_.to_numpy(), sector, segment)
    assert np.array_equal(panel.neighbours[5].numpy(), wanted.table)
    assert np.array_equal(panel.edges[5].numpy(), wanted.edges)


def test_every_batch_is_sound(panel):
    for i in range(len(RANGE)):
        panel.batch(i, 20).check()


def test_the_same_again_makes_nothing(whole):
    lake, labelled = whole
    before = made(lake)

    def never(pieces, what):
        raise AssertionError(what)

    manifest, is_new = build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, never)
    assert not is_new
    assert manifest == PanelStore(lake.files, NAME).manifest()
    assert made(lake) == before


def test_processes_make_the_same_bytes_in_another_lake(whole, fresh):
    lake, labelled = fresh
    with processes(2) as engine:
        build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, engine)
    assert made(lake) == made(whole[0])


def broken_after(pieces_done):
    def engine(pieces, what):
        for number in range(pieces.count):
            if what == "weekly graphs written" and number == pieces_done:
                raise StorageError("The disk is full.")
            yield pieces(number)

    return engine


def test_a_run_that_fails_publishes_nothing_and_leaves_nothing(fresh):
    lake, labelled = fresh
    with pytest.raises(StorageError):
        build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, broken_after(1))
    assert not made(lake)


def test_a_run_that_fails_leaves_the_dataset_before(fresh):
    lake, labelled = fresh
    build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, here)
    before = made(lake)
    publish_features(lake, RANGE[30], seed=1)
    with pytest.raises(StorageError):
        build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, broken_after(1))
    assert made(lake) == before


def test_a_killed_run_leaves_nothing_behind_after_the_next(fresh, whole):
    lake, labelled = fresh
    lake.files.write(f"datasets/{NAME}/sessions/2024-01-04-0123456789abcdef.bin", b"what a killed worker wrote")
    build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, here)
    assert made(lake) == made(whole[0])


def test_a_changed_session_changes_its_piece_alone(fresh):
    lake, labelled = fresh
    first, _ = build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, here)
    publish_features(lake, RANGE[30], seed=1)
    second, is_new = build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, here)
    assert is_new
    changed = {piece.day for piece in set(second.session_pieces) - set(first.session_pieces)}
    assert changed == {RANGE[30]}
    assert second.week_pieces == first.week_pieces


def test_later_sessions_change_no_earlier_bytes(fresh):
    """The dataset of a range that ends earlier has the same slices, but for codes that come later."""
    lake, labelled = fresh
    whole, _ = build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, here)
    for day in RANGE[35:]:
        publish_features(lake, day, seed=2)
        later = BARS.filter(pl.col("session") == day).with_columns(pl.col("open", "high", "low", "close") * 1.5)
        lake.publish("bars", day, later)
    part, _ = build_dataset(lake, "part", PLAN, RANGE[:35], labelled[-3], FIT, here)
    assert part.codes == whole.codes
    assert part.session_pieces[:20] == whole.session_pieces[:20]
    assert part.week_pieces == whole.week_pieces[: len(part.weeks)]


def test_a_universe_of_stocks_has_no_fund_and_none_that_is_not_told_of(whole):
    lake, labelled = whole
    stocks, _ = build_dataset(lake, "stocks", replace(PLAN, universe=Universe.STOCKS), RANGE, labelled[-1], FIT, here)
    told = pl.concat([lake.read("securities", day) for day in RANGE]).filter(pl.col("product") == "011")
    assert set(stocks.codes) == set(told["code"]) < set(CODES)
    assert CODES[0] not in stocks.codes


def test_prime_is_a_matter_of_the_session(whole):
    lake, labelled = whole
    found, _ = build_dataset(lake, "prime", replace(PLAN, universe=Universe.PRIME), RANGE, labelled[-1], FIT, here)
    numbers = [(int(code[:4]) - 1300) // 7 for code in found.codes]
    assert numbers
    assert all(number % 2 == 0 for number in numbers)


def test_bfloat16_is_rounded_to_the_nearest(whole, panel, tmp_path):
    import torch

    from tosho.dataset.tensors import Panel

    lake, labelled = whole
    build_dataset(lake, "half", replace(PLAN, precision="bfloat16"), RANGE, labelled[-1], FIT, here)
    PanelStore(lake.files, "half").fetch(tmp_path / "half")
    found = Panel.open(tmp_path / "half").features
    assert found.dtype == torch.bfloat16
    assert torch.equal(found, panel.features.bfloat16())


def test_a_range_with_a_hole_is_refused(whole):
    lake, labelled = whole
    with pytest.raises(SessionsMissingError, match=f"1 have none: \\['{RANGE[7]}'\\]"):
        build_dataset(lake, "hole", PLAN, [*RANGE[:7], *RANGE[8:]], labelled[-1], FIT, here)


@pytest.mark.parametrize("other", [{"number": 4}, {"names": ("b", "a", "c", "market", "never")}])
def test_another_set_or_order_is_refused(fresh, other):
    lake, labelled = fresh
    publish_features(lake, RANGE[30], **other)
    with pytest.raises(ColumnsError, match=f"The features of {RANGE[30]}"):
        build_dataset(lake, NAME, PLAN, RANGE, labelled[-1], FIT, here)
    assert not made(lake)
