"""Times ingest: parsing, one session of every table, a history at a plan's pace, and memory over ten years of it.

    python -m bench.ingest parse | session | pace | memory

Each prints its figures beside their bounds, and writes them to bench/ingest.json. The simulated J-Quants runs in a
process of its own, as the real one would.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.ingest import verdicts
from bench.ingest.evening import session
from bench.ingest.memory import memory
from bench.ingest.pacing import LATENCY_MS, WAYS, pace
from bench.ingest.parsing import parse
from bench.machine import facts
from tosho.ingest.plans import PLANS

HERE = Path(__file__).parents[1]
MEASURED = {"parse": parse, "session": session, "pace": pace, "memory": memory}


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked for, print and keep it, and return 1 where a bound does not hold."""
    asked = vars(_asked(arguments))
    name, out = asked.pop("name"), asked.pop("out")
    told = MEASURED[name](**{option: value for option, value in asked.items() if value is not None})
    rows = verdicts.of(name, told)
    out.mkdir(parents=True, exist_ok=True)
    keep(out / "ingest.json", name, {**told, "verdicts": [asdict(row) for row in rows], "machine": facts()})
    sys.stdout.write(verdicts.table(rows) + f"{out / 'ingest.json'}\n")
    return int(any(row.holds is False for row in rows))


def keep(path: Path, name: str, told: dict[str, Any]) -> None:
    """Put a measurement beside the others, in the place of the one before."""
    before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    path.write_text(json.dumps({**before, name: told}, indent=1) + "\n", encoding="utf-8")


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.ingest", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=HERE, help="where ingest.json goes")
    names = parser.add_subparsers(dest="name", required=True)
    for name in MEASURED:
        each = names.add_parser(name)
        each.add_argument("--codes", type=int, help="codes of the market")
        if name in {"pace", "memory"}:
            each.add_argument("--plan", choices=list(PLANS), help="pace: standard if left out; memory: premium")
        if name == "memory":
            each.add_argument("--sessions", type=int, dest="count", help="of the market; ten years if left out")
        if name == "pace":
            each.add_argument("--windows", type=int, help="how often the pace must hold it up; 1 if left out")
            each.add_argument("--latency-ms", type=int, help=f"how far the server is; {LATENCY_MS} if left out")
            each.add_argument("--ways", nargs="+", choices=list(WAYS), help="both if left out")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
