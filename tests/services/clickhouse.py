"""A real ClickHouse server for tests: own configuration and data, free loopback port, ended by its PID."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from clickhouse_driver import Client
from clickhouse_driver.errors import Error

from tosho.config import Store

START_BOUND_S = 30

_CONFIG = """<?xml version="1.0"?>
<yandex>
    <logger><level>warning</level><log>{folder}/server.log</log><errorlog>{folder}/error.log</errorlog></logger>
    <listen_host>127.0.0.1</listen_host>
    <tcp_port>{port}</tcp_port>
    <path>{folder}/data/</path>
    <tmp_path>{folder}/tmp/</tmp_path>
    <user_files_path>{folder}/user_files/</user_files_path>
    <format_schema_path>{folder}/format_schemas/</format_schema_path>
    <users_config>{folder}/users.xml</users_config>
    <default_profile>default</default_profile>
    <default_database>default</default_database>
    <timezone>UTC</timezone>
    <mark_cache_size>67108864</mark_cache_size>
    <max_concurrent_queries>64</max_concurrent_queries>
</yandex>
"""

_USERS = """<?xml version="1.0"?>
<yandex>
    <profiles><default><max_memory_usage>2000000000</max_memory_usage></default></profiles>
    <users>
        <default>
            <password>{password}</password>
            <networks><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
        </default>
    </users>
    <quotas><default/></quotas>
</yandex>
"""


class ServiceError(RuntimeError):
    """A service that a test needs did not start; the test fails, it is not skipped."""


@dataclass
class ClickHouse:
    """One server over one folder. `start` after `stop` or `kill` finds the same data on the same port."""

    folder: Path
    password: str = ""
    port: int = 0
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    def store(self, database: str = "tosho") -> Store:
        """Return the settings with which `open_store` reaches this server."""
        return Store(kind="server", port=self.port, database=database, password=self.password)

    def client(self) -> Client:
        """Return a plain connection, for tests that look behind the store."""
        return Client("127.0.0.1", port=self.port, password=self.password, connect_timeout=2)

    def start(self) -> None:
        """Start the server and wait until it answers a query."""
        program = shutil.which("clickhouse-server") or "/usr/sbin/clickhouse-server"
        self.port = self.port or _free_port()
        self._configure()
        command = [program, f"--config-file={self.folder}/config.xml"]
        with (self.folder / "console.log").open("ab") as console:
            self._process = subprocess.Popen(command, stdout=console, stderr=console, cwd=self.folder)
        self._wait()

    def stop(self) -> None:
        """End the server as an operator does, and by force where it does not listen."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the server as a power cut of the process does: kill -9, nothing is flushed."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _configure(self) -> None:
        for name in ("data", "tmp", "user_files", "format_schemas"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        (self.folder / "config.xml").write_text(_CONFIG.format(folder=self.folder, port=self.port))
        (self.folder / "users.xml").write_text(_USERS.format(password=self.password))

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + START_BOUND_S
        while time.monotonic() < until and self._process.poll() is None:
            try:
                with self.client() as client:
                    client.execute("SELECT 1")
            except (Error, OSError, EOFError):
                time.sleep(0.05)
            else:
                return
        told = "\n".join(f.read_text(errors="replace")[-2000:] for f in self.folder.glob("*.log"))
        self.kill()
        raise ServiceError(
            f"clickhouse-server did not answer on 127.0.0.1:{self.port} within {START_BOUND_S} s. "
            f"Install Debian's clickhouse-server (make setup). It said:\n{told}"
        )


@contextmanager
def clickhouse_server(folder: Path, password: str = "") -> Iterator[ClickHouse]:
    """Run a server over a folder for the length of a block."""
    server = ClickHouse(folder, password)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
