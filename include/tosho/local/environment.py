"""The environment in which the local Airflow runs: everything under one folder, nothing beyond loopback."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tosho.config import Settings, spark_jvm

LOCALHOST = "127.0.0.1"
USER = "admin"
_OURS = ("TOSHO_", "AIRFLOW_CONN_", "AIRFLOW__")
_AUTH_MANAGER = "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager"
_CONNECT = "tosho.local.sqlite.CONNECT"  # Airflow imports it by its name


class OtherMarketError(ValueError):
    """An installation for one market was asked to serve another."""


@dataclass(frozen=True)
class Workplace:
    """The folders and ports of one local installation. `project` holds dags/ and plugins/; `home` all that is made."""

    project: Path
    home: Path

    @property
    def airflow_home(self) -> Path:
        """Airflow's own files: database, logs, password."""
        return self.home / "airflow"

    @property
    def logs(self) -> Path:
        """Where each process writes its log."""
        return self.home / "logs"

    @property
    def progress(self) -> Path:
        """The file in which long work notes how far it is."""
        return self.home / "progress.json"

    def state(self) -> dict[str, str]:
        """Return the random secrets and the ports of this installation, made at the first call and then kept."""
        kept = self.home / "local.json"
        if not kept.exists():
            ports = dict(zip(("airflow_port", "jquants_port"), map(str, free_ports(2)), strict=True))
            made = {name: secrets.token_urlsafe(24) for name in ("jwt_secret", "jquants_key", "password", "api_secret")}
            write_whole(kept, json.dumps(made | ports))
        return dict(json.loads(kept.read_text()))

    def serves(self) -> dict[str, str]:
        """Return the market that this installation is for: `folder` and `last` session; empty before there is one."""
        kept = self.home / "market.json"
        return dict(json.loads(kept.read_text())) if kept.exists() else {}

    def is_for(self, folder: Path, last: date) -> None:
        """Note which market this installation is for. One market a home: its lake and models are of no other.

        Raises:
            OtherMarketError: It holds another market.
        """
        noted = self.serves()
        if noted and noted["folder"] != str(folder):
            raise OtherMarketError(
                f"{self.home} holds the market {noted['folder']}; {folder} was asked for. Lake and models of two "
                "markets do not mix: give another home (`make demo HOME_FOLDER=...`), or remove this one."
            )
        write_whole(self.home / "market.json", json.dumps({"folder": str(folder), "last": last.isoformat()}))

    def variables(self) -> dict[str, str]:
        """Return the environment for every process of the local Airflow, secrets included."""
        state = self.state()
        settings = Settings.from_environment(self._tosho(state))
        outer = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        spark_jvm.prefer_quick_start(outer)
        return {**outer, **settings.to_environment(), **self._airflow(state), **self._connections()}

    def settings(self) -> Settings:
        """Return the settings with which the local Airflow runs."""
        return Settings.from_environment(self._tosho(self.state()))

    def airflow_url(self) -> str:
        """Return the address of the UI and the REST API."""
        return f"http://{LOCALHOST}:{self.state()['airflow_port']}"

    def _tosho(self, state: dict[str, str]) -> dict[str, str]:
        """Return Tosho's variables: of the outer ones only those of containers, lest a demo write into a real lake."""
        own = {name: value for name, value in os.environ.items() if name.startswith("TOSHO_CONTAINER_")}
        return {
            **own,
            "TOSHO_HOME": str(self.home),
            "TOSHO_PROGRESS": str(self.progress),
            "TOSHO_JQUANTS_URL": f"http://{LOCALHOST}:{state['jquants_port']}/v2",
            "TOSHO_JQUANTS_API_KEY": state["jquants_key"],
            "TOSHO_JQUANTS_PLAN": "standard",
        }

    def _connections(self) -> dict[str, str]:
        spark = {"conn_type": "spark", "host": f"local[{max(1, os.cpu_count() or 1)}]"}
        schedule = {"TOSHO_SCHEDULE_UNTIL": self.serves()["last"]} if self.serves() else {}
        return {"AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(spark), **schedule}

    def _airflow(self, state: dict[str, str]) -> dict[str, str]:
        url = f"http://{LOCALHOST}:{state['airflow_port']}"
        passwords = self.airflow_home / "passwords.json"
        if not passwords.exists():
            write_whole(passwords, json.dumps({USER: state["password"]}))
        return {
            "AIRFLOW_HOME": str(self.airflow_home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.project / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(self.project / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__AUTH_MANAGER": _AUTH_MANAGER,
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": f"{USER}:admin",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{self.airflow_home}/airflow.db",
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS": _CONNECT,
            "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC": _CONNECT,
            "AIRFLOW__API__HOST": LOCALHOST,
            "AIRFLOW__API__PORT": state["airflow_port"],
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__SECRET_KEY": state["api_secret"],
            "AIRFLOW__API_AUTH__JWT_SECRET": state["jwt_secret"],
            "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "15",
            # A file that has changed is read at once all the same. Reading the others took 45 CPU s of a demo's 544 s.
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
            "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "1",
            "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "PYTHONPATH": str(self.project / "include"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "PYSPARK_PYTHON": sys.executable,
            "NO_PROXY": f"{LOCALHOST},localhost",
            "no_proxy": f"{LOCALHOST},localhost",
            "SPARK_LOCAL_IP": LOCALHOST,  # else the driver listens on the machine's own address
        }


def write_whole(path: Path, text: str) -> None:
    """Write a small private file whole or not at all, so that an interruption leaves nothing half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    waiting = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    waiting.touch(mode=0o600)
    waiting.write_text(text)
    waiting.replace(path)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nothing listens on now."""
    listeners = [socket.create_server((LOCALHOST, 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
