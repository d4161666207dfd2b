"""Readers beside a writer, writers of one session, and processes killed at any moment."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from clickhouse_driver.errors import Error
from polars.testing import assert_frame_equal

from predictions.frames import SESSION, predictions
from services.clickhouse import ClickHouse, clickhouse_server
from tosho.config import Store
from tosho.predictions import StoreBusyError, StoreUnavailableError, open_store
from tosho.predictions.versioned import VersionedStore

Program = Callable[[Store, str, int], "subprocess.Popen[str]"]
KILLS = 6


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    told = process.stdout.readline()
    assert told, f"the process ended early, with status {process.wait()}"
    return told.strip()


def test_readers_beside_a_writer_see_one_load_whole(store: VersionedStore, settings: Store, program: Program) -> None:
    store.load(SESSION, predictions(seed=1))
    writer = program(settings, "reload", 0)
    line(writer)
    readers = [program(settings, "read", 20) for _ in range(2)]
    seen = [line(reader) for reader in readers for _ in range(20)]
    assert [reader.wait() for reader in readers] == [0, 0]
    assert set(seen) == {"240 seed-1", "240 seed-2"}
    assert writer.poll() is None


def test_the_view_shows_one_load_whole_while_a_writer_replaces_it(server: ClickHouse, program: Program) -> None:
    settings = server.store("view_beside_writer")
    writer = program(settings, "reload", 0)
    line(writer)
    seen = set()
    with server.client() as client:
        while len(seen) < 2 or writer_turns(client, settings) < 40:
            seen |= set(client.execute("SELECT count(), min(run_id), max(run_id) FROM view_beside_writer.predictions"))
    assert seen == {(240, "seed-1", "seed-1"), (240, "seed-2", "seed-2")}


def writer_turns(client: object, settings: Store) -> int:
    return client.execute(f"SELECT max(sequence) FROM {settings.database}.prediction_commits")[0][0]  # type: ignore[attr-defined]


def test_writers_of_one_session_leave_one_content(store: VersionedStore, settings: Store, program: Program) -> None:
    writers = [program(settings, "reload", 6) for _ in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    report = store.verify(SESSION)
    assert report.rows == 240
    assert store.read(SESSION)["run_id"].n_unique() == 1
    assert store.engine.newest(SESSION).sequence <= 18


def test_threads_of_one_process_exclude_each_other(store: VersionedStore) -> None:
    reports = []
    loads = [
        threading.Thread(target=lambda s=s: reports.append(store.load(SESSION, predictions(seed=s)))) for s in (1, 2, 3)
    ]
    for load in loads:
        load.start()
    for load in loads:
        load.join()
    assert len(reports) == 3
    assert store.engine.newest(SESSION).sequence == 3
    store.verify(SESSION)


def test_a_second_load_waits_to_its_bound_and_says_so(settings: Store, program: Program) -> None:
    holder = program(settings, "hold", 600)
    assert line(holder) == "held"
    with pytest.raises(StoreBusyError, match=r"Session 2018-11-16 is being loaded .* not done after 0\.2 s\. Wait"):
        open_store(settings, lock_bound_s=0.2).load(SESSION, predictions())
    other = SESSION + timedelta(3)
    assert open_store(settings, lock_bound_s=0.2).load(other, predictions(other)).state == "loaded"


def test_a_killed_holder_frees_the_session(store: VersionedStore, settings: Store, program: Program) -> None:
    holder = program(settings, "hold", 600)
    line(holder)
    holder.kill()
    assert store.load(SESSION, predictions()).state == "loaded"


def test_a_writer_killed_at_any_moment_loses_and_mixes_nothing(
    store: VersionedStore, settings: Store, program: Program
) -> None:
    chance = random.Random(16)
    for _ in range(4):
        writer = program(settings, "reload", 0)
        line(writer)
        time.sleep(chance.uniform(0, 0.3))
        writer.kill()
        writer.wait()
        seen = store.read(SESSION)
        assert (seen.height, seen["run_id"].n_unique()) == (240, 1)
        assert store.verify(SESSION).rows == 240
        store.load(SESSION, predictions(seed=3))
        assert_frame_equal(store.read(SESSION), predictions(seed=3))


def test_a_server_killed_during_loads_ends_with_what_was_sent(tmp_path_factory: pytest.TempPathFactory) -> None:
    chance = random.Random(18)
    with clickhouse_server(tmp_path_factory.mktemp("killed")) as server:
        store = open_store(server.store(), lock_bound_s=20)
        for kill in range(KILLS):
            acknowledged: dict[int, int] = {}
            writer = threading.Thread(target=load_until_it_dies, args=(server.store(), kill, acknowledged))
            writer.start()
            while not acknowledged:
                time.sleep(0.01)
            time.sleep(chance.uniform(0, 0.4))
            server.kill()
            writer.join()
            server.start()
            for n, fingerprint in acknowledged.items():  # what was reported as loaded has survived
                assert store.verify(SESSION + timedelta(n)).fingerprint == fingerprint
            for n in range(max(acknowledged) + 2):  # what was not, is loaded by trying again
                session = SESSION + timedelta(n)
                store.load(session, predictions(session, seed=kill))
                assert_frame_equal(store.read(session), predictions(session, seed=kill))
            assert view_counts(server) == {240}


def load_until_it_dies(settings: Store, seed: int, acknowledged: dict[int, int]) -> None:
    store = open_store(settings)
    try:
        for n in range(1000):
            session = SESSION + timedelta(n)
            acknowledged[n] = store.load(session, predictions(session, seed=seed)).fingerprint
    except StoreUnavailableError:
        return


def view_counts(server: ClickHouse) -> set[int]:
    with server.client() as client:
        return {row[0] for row in client.execute("SELECT count() FROM tosho.predictions GROUP BY session")}


def test_a_load_says_that_the_server_is_down_and_works_once_it_is_back(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with clickhouse_server(tmp_path_factory.mktemp("down")) as server:
        store = open_store(server.store())
        store.load(SESSION, predictions(seed=1))
        server.stop()
        with pytest.raises(StoreUnavailableError, match=rf"127\.0\.0\.1:{server.port}.*does not answer"):
            store.load(SESSION, predictions(seed=2))
        with pytest.raises(Error):
            server.client().execute("SELECT 1")
        server.start()
        assert_frame_equal(store.read(SESSION), predictions(seed=1))
        assert store.load(SESSION, predictions(seed=2)).state == "loaded"
