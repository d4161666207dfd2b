"""Times the features, and what stands around them, in one run: `make bench`.

Writes bench/results.json and bench/results.html. Ratios first: machines differ and drift, a ratio within one run does
not. Parts can be repeated by themselves on a lake that is there; the page shows all that was measured at its size.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

from bench.bounds import ratios
from bench.growth import exponents
from bench.lakes import NEEDS, Place
from bench.machine import facts
from bench.page import render
from bench.run import Run, clean

HERE = Path(__file__).parent
PARTS = ("local", "spark", "standalone", "session", "alpha158", "chain")


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, write the results and the page, and return the exit status."""
    asked = _asked(arguments)
    place = Place((asked.home or HERE / "out" / f"{asked.codes}x{asked.sessions}").resolve())
    place.home.mkdir(parents=True, exist_ok=True)
    run = Run(
        place, asked.codes, asked.sessions, tuple(asked.sets), asked.cores,
        tuple(asked.beside), asked.beside_codes, asked.repeats, asked.turns,
    )  # fmt: skip
    run.lake()
    for part in (*asked.parts, *(["growth"] if asked.growth else [])):
        getattr(run, part)()
    clean(place)
    told = gathered(run)
    asked.out.mkdir(parents=True, exist_ok=True)
    (asked.out / "results.json").write_text(json.dumps(told, indent=1) + "\n")
    (asked.out / "results.html").write_text(render(told), encoding="utf-8")
    _tell(told, asked.out)
    return int(bool(run.failed))


def gathered(run: Run) -> dict[str, Any]:
    """Return all that was measured at a place: ratios first."""
    entries = run.results.all()
    fits = {axis: {cost: vars(fit) for cost, fit in by.items()} for axis, by in exponents(entries).items()}
    return {
        "codes": run.codes, "sessions": run.sessions, "ratios": ratios(entries), "growth": fits, "machine": facts(),
        "entries": entries,
    }  # fmt: skip


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--codes", type=int, default=300, help="codes of the market")
    parser.add_argument("--sessions", type=int, default=300, help="sessions of the market")
    parser.add_argument(
        "--sets", type=_names(NEEDS), default=["core", "alpha158", "full"], help="feature sets, by comma"
    )
    parser.add_argument("--parts", type=_names(PARTS), default=list(PARTS), help=f"some of {','.join(PARTS)}, or none")
    parser.add_argument("--growth", action=argparse.BooleanOptionalAction, default=True, help="smaller markets, too")
    parser.add_argument("--with", dest="beside", action="append", default=[], choices=("qlib", "kunquant"))
    parser.add_argument("--beside-codes", type=int, default=500, help="codes of the part alpha158")
    parser.add_argument("--repeats", type=int, default=1, help="times that one session is built")
    parser.add_argument("--turns", type=int, default=2, help="histories of a set, each with its floor")
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="processes, or Spark's cores")
    parser.add_argument("--home", type=Path, help="market, lake and measurements; bench/out/CODESxSESSIONS if left out")
    parser.add_argument("--out", type=Path, default=HERE, help="where results.json and results.html go")
    return parser.parse_args(arguments)


def _names(known):  # noqa: ANN001, ANN202
    def read(text: str) -> list[str]:
        named = [] if text == "none" else text.split(",")
        if unknown := sorted(set(named) - set(known)):
            raise argparse.ArgumentTypeError(f"{unknown} are not known; there are {', '.join(known)}.")
        return named

    return read


def _tell(told: dict[str, Any], out: Path) -> None:
    verdicts = {True: "holds", False: "DOES NOT HOLD", None: ""}
    for ratio in told["ratios"]:
        figure = f"{ratio['value']:,.4g} {ratio['unit']}"
        sys.stdout.write(f"{ratio['name']:<72} {figure:>12}  {ratio['bound']:<14} {verdicts[ratio['holds']]}\n")
    sys.stdout.write(f"{out / 'results.json'}\n{out / 'results.html'}\n")


if __name__ == "__main__":
    sys.exit(main())
