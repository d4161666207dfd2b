"""Train LightGBM on a range of sessions: `train_lightgbm.py --first 2023-04-03 --last 2025-03-31 [--set core]`.

The same as `train.py --model lightgbm`.
"""

from __future__ import annotations

import sys

import train

if __name__ == "__main__":
    sys.exit(train.main(["--model", "lightgbm", *sys.argv[1:]]))
