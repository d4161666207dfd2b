import hashlib
import json
import re
from datetime import date

import numpy as np
import pytest

from tosho.contracts import HORIZONS
from tosho.dataset.samples import ColumnsError
from tosho.models.bundle import GOLDEN, MANIFEST, Bundle, BundleError


@pytest.fixture
def bundle(walked, market):
    fitted = (market.sessions[0], market.sessions[-1])
    return Bundle("tosho-test", walked[0].model, fitted, date(2024, 12, 30), (0.001, 0.002, 0.003, 0.004), (20,))


@pytest.fixture
def folder(bundle, market, tmp_path):
    bundle.save(tmp_path / "bundle", market)
    return tmp_path / "bundle"


def edit(folder, **changes):
    content = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps(content | changes))


def replace_file(folder, name, data):
    """Plant a file, checksum and all, as somebody would who knows the format."""
    (folder / name).write_bytes(data)
    files = json.loads((folder / MANIFEST).read_text())["files"]
    edit(folder, files=files | {name: hashlib.sha256(data).hexdigest()})


def test_a_bundle_comes_back_whole(bundle, folder, walked):
    again = Bundle.load(folder)
    assert (again.name, again.fitted, again.knew, again.slopes, again.unproven) == (
        bundle.name,
        bundle.fitted,
        bundle.knew,
        bundle.slopes,
        bundle.unproven,
    )
    assert again.columns == bundle.columns
    assert (again.predict(walked[0].test) == walked[0].scores).all()


def test_equal_bundles_have_equal_bytes(bundle, folder, market, tmp_path):
    bundle.save(tmp_path / "again", market)
    for path in sorted(folder.iterdir()):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_another_library_version_is_refused_by_name(folder):
    edit(folder, libraries={"lightgbm": "3.3.5"})
    with pytest.raises(BundleError, match=re.escape("made with lightgbm 3.3.5; here is")):
        Bundle.load(folder)


def test_a_damaged_file_is_refused_by_name(folder):
    (folder / "horizon_05_seed_0.txt").write_bytes(b"half of a tree")
    with pytest.raises(BundleError, match=r"horizon_05_seed_0.txt in .* is not the one that was saved"):
        Bundle.load(folder)


def test_a_missing_file_is_refused_by_name(folder):
    (folder / GOLDEN).unlink()
    with pytest.raises(BundleError, match=r"golden.npz in .* is not the one that was saved"):
        Bundle.load(folder)


def test_a_tampered_golden_pair_is_refused(folder):
    with np.load(folder / GOLDEN) as kept:
        pair = dict(kept)
    pair["scores"][0, 0] += 1e-6
    np.savez(folder / GOLDEN, **pair)
    replace_file(folder, GOLDEN, (folder / GOLDEN).read_bytes())
    with pytest.raises(BundleError, match="golden scores differ by up to 1e-06"):
        Bundle.load(folder)


def test_a_model_that_predicts_something_else_is_refused(folder):
    replace_file(folder, "horizon_01_seed_0.txt", (folder / "horizon_05_seed_0.txt").read_bytes())
    with pytest.raises(BundleError, match="does not predict what it did"):
        Bundle.load(folder)


def test_columns_renamed_in_the_manifest_do_not_fit_the_features(folder, market):
    edit(folder, columns=["f1", "f0", "f2", "f3", "f4", "f5"])
    with pytest.raises(ColumnsError, match="differ first at place 0"):
        Bundle.load(folder).predict(market)


def test_another_feature_set_number_is_refused(folder, market):
    edit(folder, number=2)
    with pytest.raises(ColumnsError, match="'planted' number 1; asked for was 'planted' number 2"):
        Bundle.load(folder).predict(market)


def test_other_horizons_are_refused(folder):
    edit(folder, horizons=[1, 5])
    with pytest.raises(BundleError, match=re.escape(f"predicts horizons [1, 5]; this version knows {list(HORIZONS)}")):
        Bundle.load(folder)


def test_a_bundle_that_does_not_say_what_it_knew_is_refused(folder):
    content = json.loads((folder / MANIFEST).read_text())
    del content["knew"]
    (folder / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(BundleError, match="does not say up to which session its training knew"):
        Bundle.load(folder)


def test_an_unknown_kind_is_refused(folder):
    edit(folder, kind="oracle")
    with pytest.raises(BundleError, match="kind 'oracle' was asked for; this version knows lightgbm, linear"):
        Bundle.load(folder)


def test_an_empty_folder_is_no_bundle(tmp_path):
    with pytest.raises(BundleError, match=r"no readable bundle.json"):
        Bundle.load(tmp_path)


class Broken:
    """A model gone wrong: one of its scores is not a number."""

    def __init__(self, model):
        self.columns = model.columns

    def predict(self, samples):
        scores = np.zeros((samples.rows, len(HORIZONS)))
        scores[3, 1] = np.nan
        return scores


def test_a_score_that_is_not_finite_is_refused(bundle, market):
    broken = Bundle("tosho-test", Broken(bundle.forecaster), bundle.fitted, bundle.knew, bundle.slopes, ())
    with pytest.raises(BundleError, match="gave 1 scores of"):
        broken.predict(market)
