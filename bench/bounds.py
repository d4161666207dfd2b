"""What the figures say of each other, beside the bounds of issue 4. Ratios first: machines differ and drift."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bench.growth import exponents
from bench.results import Entries

FLOOR = {"core": 2.5, "full": 3.0}
SPARK, QLIB, KUNQUANT, GROWTH = 1.3, 20.0, 1.0, 1.05
SESSION = {"local": 6.0, "spark": 20.0, "standalone": 20.0}
MEMORY_GIB = 8 * 10**9 / 2**30
_STARTS = {"local": "with Python's start", "spark": "with the JVM's start", "standalone": "with the driver's start"}
_OTHERS = {"qlib": "Qlib", "kunquant_double": "KunQuant in float64", "kunquant_float": "KunQuant in float32"}
_NAMES = {"local": "local engine", "spark": "Spark, local", "standalone": "Spark, 2 workers"}


@dataclass(frozen=True)
class Ratio:
    """A figure, its bound where the issue has one, and whether it holds."""

    name: str
    value: float
    unit: str
    bound: str
    holds: bool | None


def ratios(entries: Entries) -> list[dict[str, Any]]:
    """Return all ratios that the entries allow."""
    good = {name: entry for name, entry in entries.items() if "failed" not in entry}
    sets = [name.removeprefix("local/") for name in good if name.startswith("local/")]
    found = [*_over_floor(good, sets), *_spark(good, sets), *_alpha158(good), *_sessions(good), *_memory(good)]
    return [asdict(ratio) for ratio in (*found, *_growth(good), *_same(good, sets))]


def _at_most(name: str, value: float, bound: float | None, unit: str = "x") -> Ratio:
    told = "" if bound is None else f"at most {bound:.3g}"
    return Ratio(name, round(value, 3), unit, told, None if bound is None else value <= bound)


def _at_least(name: str, value: float, bound: float, told: str) -> Ratio:
    return Ratio(name, round(value, 2), "x", f"{told} {bound:.3g}", value >= bound)


def _over_floor(entries: Entries, sets: list[str]) -> Iterator[Ratio]:
    for name in sets:
        if floor := entries.get(f"floor/{name}"):
            wall = entries[f"local/{name}"]["work_s"]
            yield _at_most(f"{name}: local engine over the floor", wall / floor["floor_s"], FLOOR.get(name))
            if own := floor.get("own_floor_s"):  # results are kept, and those of before do not have it
                yield _at_most(f"{name}: the same, the floor in the lake's own encoding", wall / own, None)
            unsynced = wall / floor["floor_unsynced_s"]
            yield _at_most(f"{name}: the same, the floor not waiting for the disk", unsynced, FLOOR.get(name))


def _spark(entries: Entries, sets: list[str]) -> Iterator[Ratio]:
    for name in sets:
        for engine in ("spark", "standalone"):
            if found := entries.get(f"{engine}/{name}"):
                over = found["work_s"] / entries[f"local/{name}"]["work_s"]
                yield _at_most(f"{name}: {_NAMES[engine]}, over the local engine", over, SPARK)


def _alpha158(entries: Entries) -> Iterator[Ratio]:
    for other, bound in (("qlib", QLIB), ("kunquant_double", KUNQUANT), ("kunquant_float", KUNQUANT)):
        if beside := entries.get(f"alpha158/{other}"):
            for own, told in (("production", "set alpha158"), ("as_qlib", "mode qlib")):
                if ours := entries.get(f"alpha158/{own}"):
                    name, over = f"Alpha158, {told}, over {_OTHERS[other]}", speed(ours) / speed(beside)
                    kind = "at least" if other == "qlib" else "goal: above"
                    yield _at_least(f"{name}, rows a CPU second", over, bound, kind)


def speed(entry: dict[str, Any]) -> float:
    """Return rows a CPU second of the work."""
    return float(entry["rows"] / max(entry["work_cpu_s"], 1e-9))


def _sessions(entries: Entries) -> Iterator[Ratio]:
    for name, entry in entries.items():
        if name.startswith("session/"):
            _, engine, of = name.split("/")
            bound = SESSION[engine] if of == "full" else None
            told = f"{of}: one session, {_NAMES[engine]}, {_STARTS[engine]}"
            yield _at_most(told, entry["work_s"], bound, "s")


def _memory(entries: Entries) -> Iterator[Ratio]:
    for name, entry in entries.items():
        engine, _, of = name.partition("/")
        if engine in _NAMES:
            told = f"{of}: peak memory of all processes, {_NAMES[engine]}"
            yield _at_most(told, entry["peak_mib"] / 1024, MEMORY_GIB, "GiB")


def _growth(entries: Entries) -> Iterator[Ratio]:
    for axis, by_cost in exponents(entries).items():
        for cost, found in by_cost.items():
            told = "CPU seconds" if cost == "work_cpu_s" else "wall seconds"
            yield _at_most(f"growth by {axis}: exponent of {told} in rows", found.exponent, GROWTH, "")
            yield _at_most(f"growth by {axis}: the same, of the two largest sizes", found.last, GROWTH, "")


def _same(entries: Entries, sets: list[str]) -> Iterator[Ratio]:
    for name in sets:
        for engine in ("spark", "standalone"):
            if found := entries.get(f"{engine}/{name}"):
                same = found["digest"] == entries[f"local/{name}"]["digest"]
                yield Ratio(f"{name}: {_NAMES[engine]}: the same bytes as the local engine", int(same), "", "1", same)
