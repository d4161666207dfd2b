"""Airflow reads its environment at import: it is given a home of its own before the first import here."""

import atexit
import os
import tempfile
from pathlib import Path

from hypothesis import settings

if "AIRFLOW_HOME" not in os.environ:
    home = tempfile.TemporaryDirectory(prefix="tosho-airflow-")
    atexit.register(home.cleanup)
    os.environ["AIRFLOW_HOME"] = home.name
os.environ.setdefault("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(Path(__file__).resolve().parents[2] / "plugins")

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
