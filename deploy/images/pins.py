"""Writes an image's requirements: the part of requirements.txt that it needs, with all that this pulls in.

Run it in the project's environment, for `train`, for `networks` (the same with torch) and for `airflow`:
`python deploy/images/pins.py train > deploy/images/train.requirements.txt`.
"""

# ruff: noqa: INP001 - a script, not a package
from __future__ import annotations

import sys
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

HERE = Path(__file__).resolve().parent
MODELS = (
    "crepes",
    "exchange-calendars",
    "lightgbm",
    "matplotlib",
    "mlflow",
    "numpy",
    "optuna",
    "polars",
    "purgedcv",
    "pyarrow",
    "scikit-learn",
    "statsd",
)
NETWORKS = ("torch", "torch-geometric")
PLATFORM = (
    "apache-airflow",
    "apache-airflow-providers-amazon",
    "apache-airflow-providers-apache-spark",
    "apache-airflow-providers-docker",
    "apache-airflow-providers-fab",
    "apache-airflow-providers-standard",
    "boto3",
    "chdb",
    "clickhouse-driver",
    "docker",
    "httpx",
    "numba",
    "pandas",
    "psutil",
    "pyrate-limiter",
    "pyspark",
    "pyspark-client",
    "rich",
    "tenacity",
    "typer",
)
ROOTS = {"train": MODELS, "networks": MODELS + NETWORKS, "airflow": MODELS + PLATFORM}
EXTRA = {"train": {}, "networks": {}, "airflow": {"asyncpg": "0.32.0", "psycopg2-binary": "2.9.13"}}
"""Pins beyond requirements.txt: Postgres serves the compose stack alone. Neither needs anything else."""
PYTHONS = ("3.11.2", "3.12.0")
"""Debian's own interpreter in the image, and the newest we support: markers must hold for both."""

FOR_CUDA = ("nvidia-", "cuda-", "triton")
"""How names begin of what torch for CUDA pulls in: an image for CUDA gets these with a torch of its own."""


def pins(requirements: str) -> dict[str, str]:
    """Return name -> version of the pinned lines of a requirements file."""
    lines = (line.partition("#")[0].strip() for line in requirements.splitlines())
    named = (line.split("==") for line in lines if line)
    return {canonicalize_name(name): version for name, version in named}


def closure(roots: tuple[str, ...]) -> set[str]:
    """Return the roots and all that they need, by name, read from the installed packages."""
    seen: set[str] = set()
    open_ends = [(canonicalize_name(root), frozenset[str]()) for root in roots]
    done: set[tuple[str, frozenset[str]]] = set()
    while open_ends:
        name, extras = open_ends.pop()
        if (name, extras) in done:
            continue
        done.add((name, extras))
        seen.add(name)
        for text in requires(name) or ():
            needed = Requirement(text)
            if _holds(needed, extras) and not canonicalize_name(needed.name).startswith(FOR_CUDA):
                open_ends.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return seen


def _holds(needed: Requirement, extras: frozenset[str]) -> bool:
    if needed.marker is None:
        return True
    environments = (
        {"python_full_version": full, "python_version": full.rpartition(".")[0], "extra": extra}
        for full in PYTHONS
        for extra in extras or {""}
    )
    return any(needed.marker.evaluate(environment) for environment in environments)


def text(image: str) -> str:
    """Return the content of an image's requirements file.

    Raises:
        KeyError: A package that the image needs is not pinned in requirements.txt.
    """
    pinned = pins((HERE.parent.parent / "requirements.txt").read_text())
    needed = closure(ROOTS[image])
    if missing := sorted(needed - set(pinned)):
        raise KeyError(f"The {image} image needs {', '.join(missing)}, which requirements.txt does not pin.")
    chosen = {name: pinned[name] for name in needed} | EXTRA[image]
    lines = [f"{name}=={version}" for name, version in sorted(chosen.items())]
    return "\n".join(["# Written by pins.py from requirements.txt; do not edit.", *lines, ""])


if __name__ == "__main__":
    sys.stdout.write(text(sys.argv[1]))
