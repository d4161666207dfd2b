"""Build the features of a range of sessions from the lake's bars, and publish one partition a session.

    spark-submit --master local[2] jobs/spark/build_features.py --set core --first 2018-11-16 --last 2018-11-16

Settings come from the environment (TOSHO_LAKE, TOSHO_S3_...). On a cluster whose machines do not have the package,
zip include/tosho and give it by `--py-files`; PYSPARK_PYTHON names the Python there. The first job on a machine
compiles the loops of windows and of the graph, for half a minute, and later ones find them. The last line is the
result, as JSON. Exit status 1, and a sentence, when nothing was published.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import date

from tosho.calendar import CalendarBoundError
from tosho.config import Settings, SettingsError
from tosho.features.build import Which, build
from tosho.features.pieces.source import SessionsMissingError
from tosho.features.sets import UnknownFeatureSetError
from tosho.features.spark.flow import FeatureJobError
from tosho.features.spark.job import build_window
from tosho.ingest import PlanTooSmallError
from tosho.storage import CorruptPartitionError, PartitionMissingError, StorageError

REFUSALS = (
    *(SettingsError, UnknownFeatureSetError, PlanTooSmallError, CalendarBoundError),
    *(SessionsMissingError, PartitionMissingError, CorruptPartitionError, StorageError, FeatureJobError),
)
"""What is told in a sentence. Anything else is a defect, and shows its stack."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job and return its exit status."""
    parser = argparse.ArgumentParser(description="Build features of the sessions from --first to --last.")
    parser.add_argument("--set", default="", help="the feature set's name; left out, that of the settings")
    parser.add_argument("--first", required=True, type=date.fromisoformat, help="ISO date")
    parser.add_argument("--last", required=True, type=date.fromisoformat, help="ISO date, included")
    parser.add_argument(
        "--only",
        default=Which.ALL,
        type=Which,
        choices=list(Which),
        help="all; stale: or missing; dependent: all, and later stale ones",
    )
    asked = parser.parse_args(arguments)
    try:
        settings = Settings.from_environment()
        name = asked.set or settings.feature_set
        built = build(settings, name, asked.first, asked.last, asked.only, engine=build_window)
    except REFUSALS as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(json.dumps(built) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
