"""Build the dataset of a range of sessions from the lake's features, bars and listings, and publish it in the lake.

    spark-submit --master local[2] jobs/spark/build_dataset.py --set core --first 2014-01-06 --last 2018-12-28

`--as panel` are tensors for networks: all codes of all sessions, normalised, with weekly graphs. `--as rows` is what
any model is trained on: the rows that there are, as they are, for `jobs/train/train.py --dataset`.

Settings come from the environment (TOSHO_LAKE, TOSHO_S3_...). On a cluster whose machines do not have the package,
zip include/tosho and give it by `--py-files`; PYSPARK_PYTHON names the Python there. The last line is the result, as
JSON. Exit status 1, and a sentence, when nothing was published.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any, get_args

from tosho.calendar import CalendarBoundError
from tosho.config import Settings, SettingsError
from tosho.dataset.build import SessionsMissingError
from tosho.dataset.listing import Universe
from tosho.dataset.normalise import Method, Normaliser, NothingToFitError
from tosho.dataset.panel_files import PanelError, Precision
from tosho.dataset.samples import ColumnsError
from tosho.dataset.spark import spark
from tosho.dataset.splits import TooShortError
from tosho.dataset.warm_up import NeverFullError
from tosho.features.sets import UnknownFeatureSetError
from tosho.features.spark.flow import FeatureJobError
from tosho.observability.log import log_to_stderr
from tosho.steps.dataset import NoFeaturesError, build, build_rows
from tosho.steps.preparation import NothingToTrainOnError
from tosho.storage import CorruptPartitionError, PartitionMissingError, StorageError

REFUSALS = (
    *(SettingsError, UnknownFeatureSetError, CalendarBoundError, NoFeaturesError, SessionsMissingError, ColumnsError),
    *(TooShortError, NothingToFitError, PanelError, PartitionMissingError, CorruptPartitionError, StorageError),
    *(FeatureJobError, NothingToTrainOnError, NeverFullError),
)
"""What is told in a sentence. Anything else is a defect, and shows its stack."""

_OF_A_PANEL = ("universe", "method", "precision")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the job and return its exit status."""
    parser = argparse.ArgumentParser(description="Build the dataset of the sessions from --first to --last.")
    parser.add_argument("--set", default="", help="the feature set's name; left out, that of the settings")
    parser.add_argument("--first", required=True, type=date.fromisoformat, help="ISO date")
    parser.add_argument(
        "--last", required=True, type=date.fromisoformat, help="ISO date, included; nothing later is read"
    )
    parser.add_argument("--name", default="", help="the dataset's name; left out, that of the feature set")
    parser.add_argument("--as", dest="layout", default="panel", choices=("panel", "rows"), help="what it is made for")
    parser.add_argument("--universe", default=Universe.ALL, type=Universe, choices=list(Universe), help="which codes")
    parser.add_argument("--method", default="rank", choices=get_args(Method), help="normalisation within a session")
    parser.add_argument("--precision", default="float32", choices=get_args(Precision), help="of the stored features")
    asked = parser.parse_args(arguments)
    if asked.layout == "rows" and any(getattr(asked, name) != parser.get_default(name) for name in _OF_A_PANEL):
        parser.error(f"--{', --'.join(_OF_A_PANEL)} are a panel's; rows are of all codes, as they are: leave these out")
    log_to_stderr()
    try:
        settings = Settings.from_environment()
        built = _built(replace(settings, feature_set=asked.set or settings.feature_set), asked)
    except REFUSALS as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 1
    sys.stdout.write(json.dumps(built) + "\n")
    return 0


def _built(settings: Settings, asked: argparse.Namespace) -> dict[str, Any]:
    if asked.layout == "rows":
        return build_rows(settings, asked.first, asked.last, engine=spark(), name=asked.name)
    return build(
        settings,
        *(asked.first, asked.last),
        engine=spark(),
        name=asked.name,
        universe=asked.universe,
        normaliser=Normaliser(asked.method),
        precision=asked.precision,
    )


if __name__ == "__main__":
    sys.exit(main())
