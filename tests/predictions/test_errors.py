"""Sentences for what an operator meets; never a secret in one."""

from __future__ import annotations

import logging
import socket
import threading
import traceback
from dataclasses import replace
from pathlib import Path

import pytest

from predictions.frames import SESSION, predictions
from services.clickhouse import ClickHouse
from tosho.config import Store
from tosho.predictions import StoreError, StoreUnavailableError, open_store


def test_a_server_that_is_down_is_told_with_host_port_and_what_to_do(
    server: ClickHouse, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        store = open_store(replace(server.store(), port=reserved.getsockname()[1]))
        for ask in (
            store.ping,
            store.sessions,
            lambda: store.count(SESSION),
            lambda: store.load(SESSION, predictions()),
        ):
            with caplog.at_level(logging.DEBUG), pytest.raises(StoreUnavailableError) as caught:
                ask()
            told = str(caught.value)
            assert f"ClickHouse at 127.0.0.1:{reserved.getsockname()[1]}" in told
            assert "TOSHO_STORE_HOST" in told
            assert server.password not in "".join(traceback.format_exception(caught.value))
    assert server.password not in caplog.text


def test_a_host_that_does_not_exist_is_told(server: ClickHouse) -> None:
    with pytest.raises(StoreUnavailableError, match=r"ClickHouse at nowhere\.invalid:\d+.*does not answer"):
        open_store(replace(server.store(), host="nowhere.invalid")).ping()


def test_a_wrong_password_is_told_without_it(server: ClickHouse) -> None:
    wrong = server.password[::-1]
    with pytest.raises(StoreUnavailableError, match=r"as user 'default': .*password") as caught:
        open_store(replace(server.store(), password=wrong)).ping()
    assert wrong not in "".join(traceback.format_exception(caught.value))


def test_a_port_that_speaks_something_else_is_told(server: ClickHouse) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        other.settimeout(10)
        store = open_store(replace(server.store(), port=other.getsockname()[1]))

        def answer() -> None:
            peer, _ = other.accept()
            peer.recv(64)
            peer.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n")
            peer.close()

        talking = threading.Thread(target=answer)
        talking.start()
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            store.ping()
        talking.join()


def test_a_query_the_server_refuses_is_one_line(server: ClickHouse) -> None:
    engine = open_store(server.store("refused")).engine  # type: ignore[attr-defined]
    engine.prepare()
    with pytest.raises(StoreError, match=r"code 47\)$") as caught:
        engine.select(SESSION, "x", "no_such_column")
    assert "Stack trace" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("uri", ["", "s3://bucket/x", "file://relative", "file:///a/*/b"])
def test_a_uri_that_cannot_hold_the_embedded_store_is_refused(uri: str) -> None:
    with pytest.raises(StoreUnavailableError, match="it must be file://"):
        open_store(Store(uri=uri))


def test_a_database_that_is_no_name_is_refused() -> None:
    with pytest.raises(StoreUnavailableError, match="letters, digits and underscores"):
        open_store(Store(kind="server", database="x; DROP DATABASE y"))


def test_a_committed_file_that_is_gone_is_an_error_and_not_an_empty_answer(tmp_path: Path) -> None:
    store = open_store(Store(uri=f"file://{tmp_path}"))
    load_id = store.load(SESSION, predictions()).load_id
    (tmp_path / f"sessions/session=2018-11-16/rows-{load_id}.parquet").unlink()
    with pytest.raises(StoreError, match="doesn't exist"):
        store.read(SESSION)
    assert store.load(SESSION, predictions()).state == "loaded"
    assert store.count(SESSION) == 240


def test_a_truncated_file_is_an_error_and_not_fewer_rows(tmp_path: Path) -> None:
    store = open_store(Store(uri=f"file://{tmp_path}"))
    load_id = store.load(SESSION, predictions()).load_id
    path = tmp_path / f"sessions/session=2018-11-16/rows-{load_id}.parquet"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StoreError, match="chdb refused"):
        store.read(SESSION)
    assert store.load(SESSION, predictions()).state == "loaded"
