"""The job, with a feature that ends an executor or a worker the first time it is computed: what marker first last."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from parity.planted import killing_once
from tosho.config import Settings
from tosho.features.pieces.shape import Shape
from tosho.features.pieces.source import window_in
from tosho.features.plan import plan
from tosho.features.sets import feature_set
from tosho.features.spark.job import publish
from tosho.features.spark.session import open_session
from tosho.storage import Lake

what, marker, first, last = sys.argv[1:]
lake, wanted = Lake.of(Settings.from_environment()), feature_set("core")
window = window_in(lake, date.fromisoformat(first), date.fromisoformat(last), plan(wanted).rows_before)
spark = open_session("killing")
publish(spark, lake, killing_once(wanted, what, Path(marker)), window, Shape(chunk=16, buckets=4, span=2))
spark.stop()
