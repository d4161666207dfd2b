"""The page of a bench: ratios, plots and every figure, in one file."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from bench import plots
from bench.bounds import FLOOR, MEMORY_GIB, SESSION, speed
from bench.results import Entries

ENGINES = ("local", "spark", "standalone")
NOISY = 0.1
"""Share of a measurement's core seconds that others may take before the page says so."""
_PAGE = Path(__file__).with_name("page.html")
_ALPHA158 = {
    "production": "Tosho, set alpha158",
    "as_qlib": "Tosho, mode qlib",
    "kunquant_double": "KunQuant, float64",
    "kunquant_float": "KunQuant, float32",
    "qlib": "Qlib",
}
_COLUMNS = {
    "rows": "rows", "cells": "cells", "wall_s": "wall s", "cpu_s": "CPU s", "start_s": "start s", "work_s": "work s",
    "work_cpu_s": "work CPU s", "floor_s": "floor s", "peak_mib": "peak MiB", "mib": "written MiB",
    "others_cpu_s": "others' CPU s", "commit": "commit",
}  # fmt: skip


def render(told: Mapping[str, Any]) -> str:
    """Return the page of results as `bench/results.json` holds them."""
    entries: Entries = told["entries"]
    good = {name: entry for name, entry in entries.items() if "failed" not in entry}
    sets = list(dict.fromkeys(name.split("/")[-1] for name in good if name.split("/")[0] in (*ENGINES, "session")))
    walls = {s: _figures(good, s, "work_s") | _floor(good, s, "floor_s") for s in sets}
    return Template(_PAGE.read_text(encoding="utf-8")).substitute(
        size=f"{told['codes']:,} codes, {told['sessions']:,} sessions",
        machine=html.escape(_machine(told["machine"])),
        warnings="".join(f'<p class="lead warned">{html.escape(line)}</p>' for line in _warnings(told)),
        ratios=_ratios(told["ratios"]),
        wall=plots.by_set(walls, "wall seconds", _floor_bounds(good)),
        cpu=plots.by_set({s: _figures(good, s, "work_cpu_s") | _floor(good, s, "floor_cpu_s") for s in sets}, "CPU s"),
        memory=plots.by_set(
            {s: _figures(good, s, "peak_mib", 1 / 1024) for s in sets},
            "peak memory, GiB",
            dict.fromkeys(sets, MEMORY_GIB),
        ),
        session=plots.by_set(
            {s: _sessions(good, s) for s in sets}, "one session, seconds",
            {"full": SESSION["local"]},
        ),
        alpha158=plots.speeds({_ALPHA158[n]: speed(e) for n in _ALPHA158 if (e := good.get(f"alpha158/{n}"))}),
        beside=html.escape(_beside(entries)),
        growth=plots.growth(good),
        growth_told=html.escape(_growth(good)),
        entries=_entries(entries),
    )  # fmt: skip


def _figures(entries: Entries, of: str, key: str, times: float = 1.0) -> dict[str, float]:
    return {engine: times * entry[key] for engine in ENGINES if (entry := entries.get(f"{engine}/{of}"))}


def _sessions(entries: Entries, of: str) -> dict[str, float]:
    return {engine: entry["work_s"] for engine in SESSION if (entry := entries.get(f"session/{engine}/{of}"))}


def _floor(entries: Entries, of: str, key: str) -> dict[str, float]:
    return {"floor": entry[key]} if (entry := entries.get(f"floor/{of}")) else {}


def _floor_bounds(entries: Entries) -> dict[str, float]:
    return {s: times * entry["floor_s"] for s, times in FLOOR.items() if (entry := entries.get(f"floor/{s}"))}


def _machine(facts: Mapping[str, Any]) -> str:
    software = f"Python {facts['python']}, Polars {facts['polars']}, PySpark {facts['pyspark']}"
    machine = f"{facts['cores']} cores of {facts['processor']}, {facts['memory_gib']} GiB of memory"
    return f"{machine}; {software}; commit {facts['commit']}; written {facts['written']}"


def _warnings(told: Mapping[str, Any]) -> Iterable[str]:
    entries = told["entries"]
    if failed := [name for name, entry in entries.items() if "failed" in entry]:
        yield f"Failed: {', '.join(failed)}. results.json holds what they said."
    measured = {name: entry for name, entry in entries.items() if "wall_s" in entry}
    cores = told["machine"]["cores"]
    noisy = [n for n, entry in measured.items() if entry["others_cpu_s"] > NOISY * cores * entry["wall_s"]]
    if noisy:
        yield f"The machine had other work, more than {NOISY:.0%} of its cores, during: {', '.join(noisy)}."
    if len(commits := sorted({entry["commit"] for entry in entries.values()})) > 1:
        yield f"Parts were measured at different commits: {', '.join(commits)}."


def _beside(entries: Entries) -> str:
    bars = entries.get("alpha158/bars", {})
    given = f"{bars['rows']:,} bars of {bars['codes']} codes, in memory, one thread. " if "rows" in bars else ""
    absent = [_ALPHA158[name] for name in ("qlib", "kunquant_double") if f"alpha158/{name}" not in entries]
    return f"{given}{' and '.join(absent)} not measured: ask for them by --with." if absent else given


def _growth(entries: Entries) -> str:
    names = [name for name in entries if name.startswith("growth/")]
    if not names:
        return "Not measured: ask for it by --growth."
    return f"The local engine, set {entries[names[0]]['set']}. Lines: least squares of the logarithms."


def _ratios(ratios: Sequence[Mapping[str, Any]]) -> str:
    verdicts = {True: '<i class="holds">holds</i>', False: '<i class="broken">does not hold</i>', None: ""}
    rows = (
        f"<tr><td>{html.escape(r['name'])}</td><td>{r['value']:,.4g} {r['unit']}</td><td>{r['bound']}</td>"
        f"<td>{verdicts[r['holds']]}</td></tr>"
        for r in ratios
    )
    return f"<table><tr><th></th><th>found</th><th>bound</th><th></th></tr>{''.join(rows)}</table>"


def _entries(entries: Entries) -> str:
    head = "".join(f"<th>{title}</th>" for title in ("", *_COLUMNS.values()))
    body = "".join(
        f"<tr><td>{html.escape(name)}</td>{''.join(f'<td>{_cell(entry.get(key))}</td>' for key in _COLUMNS)}</tr>"
        for name, entry in entries.items()
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else html.escape(str(value or ""))
