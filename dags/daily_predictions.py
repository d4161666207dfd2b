"""# Predictions for one session

Runs after every session of the Tokyo Stock Exchange, when that session's data is published.

1. `session_of_run`: which session this run is for.
2. `ingest`: J-Quants to raw payloads, to the lake; rows that break a contract go to quarantine.
3. `check_data`: gates on what came in: coverage, continuity, staleness.
4. `build_features`: one Spark job computes the features of all stocks.
5. `check_features`: gates on the features: nulls, range, drift, leaks.
6. `score`: the champion scores all stocks, in a container.
7. `load`: gates on the predictions, then into the store; counted and fingerprinted back.

A failed gate stops the run and names gate, value and bound. Running a session again leaves the same rows. Where that
changed what later sessions' features were made from, `ingest` says of which. A repair, started with `session` or
`codes`, builds these again too, up to the newest, and judges them; of any other run they wait for `history` with build
`stale`. Predictions stay what they were: they say what was forecast then.
"""

from __future__ import annotations

from airflow.sdk import dag, get_current_context, task

import dag_defaults as house
from tse_timetable import TseSessionTimetable


@task(pool=house.JQUANTS_POOL)
def ingest(session: str) -> dict:
    from tosho.steps import daily

    codes = get_current_context()["params"]["codes"]
    return house.run_step(daily.ingest, house.parse(session), house.settings_of_run(), codes)


@task
def check_data(session: str) -> dict:
    from tosho.steps import daily

    return house.run_step(daily.check_data, house.parse(session), house.settings())


@task
def check_features(session: str) -> dict:
    from tosho.steps import daily

    params = get_current_context()["params"]
    repair = bool(params["session"] or params["codes"])
    return house.run_step(daily.check_features, house.parse(session), house.settings(), later=repair)


@task
def load(session: str) -> dict:
    from tosho.steps import daily

    return house.run_step(daily.load, house.parse(session), house.settings())


@dag(
    schedule=TseSessionTimetable(at="18:30"),
    catchup=False,
    max_active_runs=1,
    end_date=house.END_DATE,
    default_args=house.DEFAULT_ARGS,
    params={"session": house.SESSION, "codes": house.CODES, "feature_set": house.FEATURE_SET, "model": house.MODEL},
    doc_md=__doc__,
    tags=["tosho"],
)
def daily_predictions() -> None:
    session = house.session_of_run()
    only = "{{ 'dependent' if params.session or params.codes else 'all' }}"
    features = ["--first", session, "--last", session, "--set", "{{ params.feature_set }}", "--only", only]
    (
        ingest(session)
        >> check_data(session)
        >> house.spark_job("build_features", "build_features.py", features)
        >> check_features(session)
        >> house.container_job("score", ["score.py", "--session", session, "--model", "{{ params.model }}"])
        >> load(session)
    )


daily_predictions()
