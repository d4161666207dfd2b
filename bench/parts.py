"""What is measured, each as a process of its own: `python -m bench.parts NAME ARGUMENTS-AS-JSON`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bench import alpha158, chain, engines, floor, lakes

PARTS = {
    "market": lakes.market,
    "ingest": lakes.ingest,
    "local": engines.local,
    "floor": floor.floor,
    "spark": engines.spark,
    "standalone": engines.standalone,
    "session_local": engines.session_local,
    "session_spark": engines.session_spark,
    "session_standalone": engines.session_standalone,
    "alpha158_bars": alpha158.bars,
    "alpha158_production": alpha158.production,
    "alpha158_as_qlib": alpha158.as_qlib,
    "chain_features": chain.prepare,
    "train": chain.train,
    "score": chain.score,
    "load": chain.load,
}

if __name__ == "__main__":
    given = json.loads(sys.argv[2])
    told = PARTS[sys.argv[1]](Path(given.pop("home")), **given)
    sys.stdout.write("\n" + json.dumps(told) + "\n")
