"""The local Airflow's database: what SQLite needs so that several processes of Airflow may write to it.

Airflow makes the runs of a backfill one savepoint after the other. Python's sqlite3 begins no transaction before a
savepoint, so that each run is committed by itself, and a savepoint that reads before it writes fails at once with
"database is locked" when somebody wrote in between. Airflow then deletes the runs that it made, of which the scheduler
may hold one, and the scheduler ends. Here a savepoint first begins a transaction that may write: it waits for its turn,
and all runs of a backfill are seen at once. Importing this module says so to every SQLite engine of the process.

Source: SQLAlchemy's documentation of pysqlite, "Serializable isolation / Savepoints / Transactional DDL".
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Engine, event

CONNECT: Final[dict[str, object]] = {"timeout": 60}
"""Airflow's `sql_alchemy_connect_args`: seconds that a writer waits for its turn. Airflow adds what it needs itself."""


@event.listens_for(Engine, "savepoint")
def begin_to_write(connection: Connection, _: str) -> None:
    """Begin a transaction that may write, unless there is one."""
    driver: Any = connection.connection.driver_connection  # sqlite3's, or that of the asynchronous engine
    if connection.dialect.name == "sqlite" and not driver.in_transaction:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
