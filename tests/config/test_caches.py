"""What one process found out the next one believes, if nobody else can have written it."""

import json
import logging

import pytest

from tosho.config.caches import remembered


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "tosho" / "answers"


@pytest.fixture
def ask():
    """Asks, counting how often the answer had to be found out."""

    def asking(*depends):
        return remembered("answers", depends, lambda: asking.found.append(depends) or {"answer": 42})

    asking.found = []
    return asking


def test_it_is_found_out_once_and_is_this_users_own(ask, folder):
    assert [ask("1.0") for _ in range(3)] == [{"answer": 42}] * 3
    assert ask.found == [("1.0",)]
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("other", [("1.1",), ("1.0", ""), ("1", ".0")])
def test_what_depends_on_something_else_is_another_answer(ask, other):
    ask("1.0")
    ask(*other)
    assert ask.found == [("1.0",), other]


@pytest.mark.parametrize("content", ["", "{", "[]", json.dumps({"key": "another", "found": 7})])
def test_what_was_cut_short_is_found_out_anew_and_kept(ask, folder, content):
    ask("1.0")
    (file,) = folder.iterdir()
    file.write_text(content)
    assert ask("1.0") == ask("1.0") == {"answer": 42}
    assert len(ask.found) == 2


def test_a_folder_that_all_may_write_to_is_told_and_not_believed(ask, folder, caplog):
    ask("1.0")
    folder.chmod(0o777)
    with caplog.at_level(logging.INFO):
        assert ask("1.0") == {"answer": 42}
    assert len(ask.found) == 2
    assert "not writable for all. Set XDG_CACHE_HOME" in caplog.text


def test_where_nothing_can_be_kept_it_is_found_out_each_time(ask, folder):
    folder.parent.write_text("a file, where the folder would be")
    assert [ask("1.0"), ask("1.0")] == [{"answer": 42}] * 2
    assert len(ask.found) == 2
