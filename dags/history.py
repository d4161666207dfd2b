"""# History

Fills the lake for a range of sessions in one go; started by hand before the first training, or to mend a gap.

1. `range_of_run`: the sessions between `first` and `last` (empty `last`: the newest published one).
2. `ingest`: by bulk files where the plan allows, else session by session; what is there already is left alone.
3. `check_data`: the gates of every session.
4. `build_features`: one Spark job over the range: all sessions, or those whose features are missing or stale.
5. `check_features`: the gates of every session.
"""

from __future__ import annotations

from airflow.sdk import Param, dag, get_current_context, task

import dag_defaults as house


@task(retries=0, multiple_outputs=True)
def range_of_run() -> dict:
    from tosho.steps import sessions

    context = get_current_context()
    given = context["params"]
    first, last = sessions.resolve_range(given["first"], given["last"], context["dag_run"].run_after)
    return {"first": first.isoformat(), "last": last.isoformat()}


@task(pool=house.JQUANTS_POOL)
def ingest(first: str, last: str) -> dict:
    from tosho.steps import history

    return house.run_step(history.ingest, house.parse(first), house.parse(last), house.settings_of_run())


@task
def check_data(first: str, last: str) -> dict:
    from tosho.steps import history

    return house.run_step(history.check_data, house.parse(first), house.parse(last), house.settings())


@task
def check_features(first: str, last: str) -> dict:
    from tosho.steps import history

    return house.run_step(history.check_features, house.parse(first), house.parse(last), house.settings())


@dag(
    schedule=None,
    max_active_runs=1,
    default_args=house.DEFAULT_ARGS,
    params={
        "first": Param(type="string", format="date", title="First session"),
        "last": Param(None, type=["null", "string"], format="date", title="Last session"),
        "feature_set": house.FEATURE_SET,
        "build": Param(
            "all", type="string", enum=["all", "stale"], title="Features of", description="Stale: not of now's data."
        ),
    },
    doc_md=__doc__,
    tags=["tosho"],
)
def history() -> None:
    asked = range_of_run()
    first, last = asked["first"], asked["last"]
    features = ["--first", first, "--last", last, "--set", "{{ params.feature_set }}", "--only", "{{ params.build }}"]
    (
        ingest(first, last)
        >> check_data(first, last)
        >> house.spark_job("build_features", "build_features.py", features)
        >> check_features(first, last)
    )


history()
