"""What the compose file must hold to: each rule returns its offenders, as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

File = dict[str, Any]
SECRET = re.compile(r"PASSWORD|SECRET|_KEY|TOKEN|FERNET|CONN")
VARIABLE = re.compile(r"\$\{([A-Z_]+)")
BEYOND_1_29 = {"develop", "start_interval", "pull_policy_time", "include", "name"}


def published_beyond_loopback(file: File) -> list[str]:
    return [
        f"{name} publishes {port}"
        for name, service in file["services"].items()
        for port in service.get("ports", ())
        if not str(port).startswith("127.0.0.1:")
    ]


def literal_secrets(file: File) -> list[str]:
    return [
        f"{name} has {variable} in plain"
        for name, service in file["services"].items()
        for variable, value in service.get("environment", {}).items()
        if SECRET.search(variable) and _may_be_secret(str(value)) and "${" not in str(value)
    ]


def unwatched(file: File) -> list[str]:
    return [
        f"{name} has no healthcheck and is no one-shot"
        for name, service in file["services"].items()
        if service.get("restart") != "no" and "test" not in service.get("healthcheck", {})
    ]


def unlimited(file: File) -> list[str]:
    return [f"{name} has no memory limit" for name, service in file["services"].items() if "mem_limit" not in service]


def run_as_root(file: File) -> list[str]:
    return [
        f"{name} runs as root and stays"
        for name, service in file["services"].items()
        if str(service.get("user", "0")).split(":")[0] in {"0", "root"} and service.get("restart") != "no"
    ]


def loose_tags(file: File) -> list[str]:
    ours = {"tosho-airflow:latest"}
    images = {name: service["image"] for name, service in file["services"].items()}
    return [f"{name} runs {i}" for name, i in images.items() if i not in ours and not re.search(r":\D*\d", i)]


def beyond_compose_1_29(file: File) -> list[str]:
    found = [f"top-level {key}" for key in BEYOND_1_29 & set(file)]
    for name, service in file["services"].items():
        found += [f"{name} has {key}" for key in BEYOND_1_29 & set(service)]
        found += [f"{name} has start_interval" for key in service.get("healthcheck", {}) if key == "start_interval"]
        waits = service.get("depends_on", {})
        found += [f"{name} has depends_on.restart" for wait in waits.values() if "restart" in wait]
    return found


def variables(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for item in value.values():
            yield from variables(item)
    elif isinstance(value, list):
        for item in value:
            yield from variables(item)
    else:
        yield from VARIABLE.findall(str(value))


def _may_be_secret(value: str) -> bool:
    return "conn_type" not in value or '"password"' in value


RULES = (
    published_beyond_loopback,
    literal_secrets,
    unwatched,
    unlimited,
    run_as_root,
    loose_tags,
    beyond_compose_1_29,
)
