"""An optional package is hidden from an import, and from nothing else."""

import sys

import pytest

from tosho.models.without import without


@pytest.fixture
def optional(tmp_path, monkeypatch):
    """A package that nobody has imported."""
    (tmp_path / "optional_of_a_test.py").write_text("here = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield "optional_of_a_test"
    sys.modules.pop("optional_of_a_test", None)


def test_it_is_not_found_within_and_found_afterwards(optional):
    with without(optional), pytest.raises(ImportError):
        __import__(optional)
    assert __import__(optional).here


def test_an_error_within_leaves_it_to_be_found(optional):
    with pytest.raises(ZeroDivisionError), without(optional):
        _ = 1 / 0
    assert __import__(optional).here


def test_what_is_imported_already_stays(optional):
    before = __import__(optional)
    with without(optional):
        assert __import__(optional) is before
    assert sys.modules[optional] is before
