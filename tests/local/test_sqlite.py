import subprocess
import sys
import threading

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import OperationalError

from tosho.local import airflow, sqlite

READ_THEN_WRITE = text("SELECT count(*) FROM runs"), text("INSERT INTO runs VALUES (1)")


@pytest.fixture
def engine(tmp_path):
    """An engine as Airflow makes it: write-ahead log, transactions begun by sqlite3."""
    made = create_engine(f"sqlite:///{tmp_path}/airflow.db", connect_args={**sqlite.CONNECT})
    event.listen(made, "connect", lambda connection, _: connection.execute("PRAGMA journal_mode=WAL"))
    with made.begin() as connection:
        connection.execute(text("CREATE TABLE runs (id INTEGER)"))
    yield made
    made.dispose()


def savepoint_while_another_writes(engine):
    """Read in a savepoint, let another connection write meanwhile if it can, then write."""
    read, write = READ_THEN_WRITE
    with engine.connect() as one, one.begin(), one.begin_nested():
        one.execute(read)
        other = threading.Thread(target=write_alone, args=(engine,))
        other.start()
        other.join(0.5)
        one.execute(write)
    other.join()


def write_alone(engine):
    with engine.begin() as connection:
        connection.execute(READ_THEN_WRITE[1])


def rows(engine):
    with engine.connect() as connection:
        return connection.scalar(READ_THEN_WRITE[0])


def test_a_savepoint_that_reads_before_it_writes_waits_for_its_turn(engine):
    savepoint_while_another_writes(engine)
    assert rows(engine) == 2


def test_without_it_such_a_savepoint_fails_at_once(engine):
    event.remove(sqlite.Engine, "savepoint", sqlite.begin_to_write)
    try:
        with pytest.raises(OperationalError, match="database is locked"):
            savepoint_while_another_writes(engine)
    finally:
        event.listen(sqlite.Engine, "savepoint", sqlite.begin_to_write)


def test_what_was_made_in_savepoints_is_seen_when_all_is_committed(engine):
    with engine.connect() as one:
        with one.begin():
            with one.begin_nested():
                one.execute(READ_THEN_WRITE[1])
            assert rows(engine) == 0
            with one.begin_nested():
                one.execute(READ_THEN_WRITE[1])
        assert rows(engine) == 2


def test_the_local_airflow_uses_it(tmp_path):
    place = airflow.workplace(airflow.here()[0].project, tmp_path)
    code = "from airflow import settings; settings.initialize(); import sys; print('tosho.local.sqlite' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=place.variables(), check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split()[-1] == "True"
