"""Everything that differs between one installation and another, read once at the edge."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal, TypeVar, get_args

Runtime = Literal["auto", "docker", "process"]
Plan = Literal["free", "light", "standard", "premium"]
StoreKind = Literal["embedded", "server"]
T = TypeVar("T")


class SettingsError(ValueError):
    """A setting has a value that cannot be used."""


def _secret() -> str:
    return field(default="", repr=False)


@dataclass(frozen=True)
class S3:
    """How to reach an `s3://` lake. Empty keys leave the choice to the SDK's own chain."""

    endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = _secret()
    secret_key: str = _secret()


@dataclass(frozen=True)
class JQuants:
    """Where J-Quants is, with which key and plan."""

    url: str = "https://api.jquants.com/v2"
    api_key: str = _secret()
    plan: Plan = "light"


@dataclass(frozen=True)
class Store:
    """Where predictions are kept: Parquet under `uri` queried by chdb, or a ClickHouse server."""

    kind: StoreKind = "embedded"
    uri: str = ""
    host: str = "127.0.0.1"
    port: int = 9000
    database: str = "tosho"
    user: str = "default"
    password: str = _secret()


@dataclass(frozen=True)
class Containers:
    """How training and scoring are run. `auto` takes Docker when a daemon answers."""

    runtime: Runtime = "auto"
    image: str = "tosho-train:latest"
    docker_url: str = "unix:///var/run/docker.sock"
    network: str = "host"
    gpus: int = 0


@dataclass(frozen=True)
class Metrics:
    """Where statsd listens; no host, no metrics."""

    host: str = ""
    port: int = 8125


@dataclass(frozen=True)
class Settings:
    """One installation. Built from the environment by `from_environment`, and by Dags from connections."""

    home: str = ""
    lake: str = ""
    mlflow: str = ""
    feature_set: str = "core"
    progress: str = ""  # file in which long work notes how far it is, for whoever watches
    s3: S3 = field(default_factory=S3)
    jquants: JQuants = field(default_factory=JQuants)
    store: Store = field(default_factory=Store)
    containers: Containers = field(default_factory=Containers)
    metrics: Metrics = field(default_factory=Metrics)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Return the settings of this process.

        Variables are `TOSHO_<FIELD>` for the fields of this class (`TOSHO_LAKE`) and
        `TOSHO_<GROUP>_<FIELD>` for the groups (`TOSHO_JQUANTS_API_KEY`). What is not set falls back to a
        folder `.tosho` in the working directory, on this machine alone.

        Raises:
            SettingsError: A value is outside what its variable allows.
        """
        env = dict(os.environ if environment is None else environment)
        home = str(Path(env.get("TOSHO_HOME") or ".tosho").resolve())
        store = _group(Store, "TOSHO_STORE", env, uri=f"file://{home}/predictions")
        return cls(
            home=home,
            lake=(env.get("TOSHO_LAKE") or f"file://{home}/lake").rstrip("/"),
            mlflow=env.get("TOSHO_MLFLOW") or f"sqlite:///{home}/mlflow.db",
            feature_set=env.get("TOSHO_FEATURE_SET") or "core",
            progress=env.get("TOSHO_PROGRESS") or "",
            s3=_group(S3, "TOSHO_S3", env),
            jquants=_group(JQuants, "TOSHO_JQUANTS", env),
            store=store,
            containers=_group(Containers, "TOSHO_CONTAINER", env),
            metrics=_group(Metrics, "TOSHO_METRICS", env),
        )

    def to_environment(self) -> dict[str, str]:
        """Return the variables from which `from_environment` builds these settings again.

        Jobs on Spark and in containers receive their settings this way. Secrets are among them: pass the
        result as a process environment, never on a command line or into a log.
        """
        plain = {f"TOSHO_{name.upper()}": getattr(self, name) for name in _PLAIN}
        groups: dict[str, S3 | JQuants | Store | Containers | Metrics] = {
            "TOSHO_S3": self.s3,
            "TOSHO_JQUANTS": self.jquants,
            "TOSHO_STORE": self.store,
            "TOSHO_CONTAINER": self.containers,
            "TOSHO_METRICS": self.metrics,
        }
        for prefix, group in groups.items():
            plain |= {f"{prefix}_{f.name.upper()}": str(getattr(group, f.name)) for f in fields(group)}
        return {name: value for name, value in plain.items() if value != ""}


_PLAIN = ("home", "lake", "mlflow", "feature_set", "progress")
_CHOICES: dict[str, tuple[str, ...]] = {
    "TOSHO_CONTAINER_RUNTIME": get_args(Runtime),
    "TOSHO_JQUANTS_PLAN": get_args(Plan),
    "TOSHO_STORE_KIND": get_args(StoreKind),
}


def _group(cls: type[T], prefix: str, env: Mapping[str, str], **defaults: str) -> T:
    given: dict[str, str | int] = dict(defaults)
    for f in fields(cls):  # type: ignore[arg-type]  # T is one of the dataclasses above
        variable = f"{prefix}_{f.name.upper()}"
        if value := env.get(variable, ""):
            given[f.name] = _number(variable, value) if f.type == "int" else _choice(variable, value)
    return cls(**given)


def _choice(variable: str, value: str) -> str:
    allowed = _CHOICES.get(variable)
    if allowed and value not in allowed:
        raise SettingsError(f"{variable} is {value!r}; it must be one of {', '.join(allowed)}.")
    return value


def _number(variable: str, value: str) -> int:
    if not value.isdecimal():
        raise SettingsError(f"{variable} is {value!r}; it must be a whole number.")
    return int(value)
