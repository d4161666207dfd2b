import hashlib

import polars as pl
import pytest

from tosho.features.columns import CLOSE
from tosho.features.grammar import DefinitionError
from tosho.features.listing import describe
from tosho.features.plan import plan, plan_of
from tosho.features.sets import FeatureSet, UnknownFeatureSetError, feature_set
from tosho.features.spec import Feature, Scope, features
from tosho.features.windows import mean


def planted(name: str, expression: pl.Expr, scope: Scope = Scope.SERIES) -> Feature:
    return Feature(name, scope, "tests", expression)


def known(*others: Feature) -> dict[str, Feature]:
    return {f.name: f for f in others}


def test_what_is_read_is_computed_first() -> None:
    passes = plan(feature_set("core"))
    for levels in (passes.market, passes.series, passes.session):
        done: set[str] = set()
        own = {f.name for level in levels for f in level}
        for level in levels:
            assert all(name in done for f in level for name in f.inputs if name in own)
            done |= {f.name for f in level}


def test_lookback_adds_up_along_what_is_read() -> None:
    a = planted("a", CLOSE / CLOSE.shift(3))
    b = planted("b", mean(pl.col("a"), 10))
    c = planted("c", pl.col("b") + pl.col("a").shift(20))
    assert plan_of([c], known(a, b, c)).lookback == {"a": 3, "b": 12, "c": 23}


def test_a_feature_of_the_same_name_and_another_window_has_a_plan_of_its_own() -> None:
    """Plans are kept: a kept one that is found by name would give the first feature's lookback to the second."""
    of_windows = [
        FeatureSet("two", 99, (Feature("same", Scope.SERIES, "test", CLOSE / mean(CLOSE, window)),))
        for window in (5, 9)
    ]
    assert [plan(of_window).lookback["same"] for of_window in of_windows] == [4, 8]


def test_only_what_the_set_needs_is_computed() -> None:
    passes = plan_of([features()["csr_ret_1"]], features())
    assert [f.name for level in passes.series for f in level] == ["ret_1"]
    assert passes.market == ()
    assert passes.rows_before == 1


def test_days_listed_asks_for_the_rows_it_is_counted_from() -> None:
    assert plan_of([features()["days_listed"]], features()).rows_before == 749


def test_a_circle_is_refused() -> None:
    a, b = planted("a", pl.col("b") + 1), planted("b", pl.col("a") + 1)
    with pytest.raises(DefinitionError, match=r"in a circle: (a <- b <- a|b <- a <- b)"):
        plan_of([a], known(a, b))


def test_an_unknown_input_is_refused() -> None:
    with pytest.raises(DefinitionError, match="Feature a reads colour, which is neither"):
        plan_of([planted("a", pl.col("colour") + 1)], {})


def test_reading_a_later_pass_is_refused() -> None:
    ranked = planted("ranked", CLOSE.rank(), Scope.CROSS_SECTION)
    with pytest.raises(DefinitionError, match="series reads ranked of scope cross_section, which is computed later"):
        plan_of([planted("a", pl.col("ranked") + 1)], known(ranked))


def test_a_market_feature_does_not_read_codes() -> None:
    with pytest.raises(DefinitionError, match="neither a feature nor a column given to scope market"):
        plan_of([planted("a", CLOSE + 1, Scope.MARKET)], {})


def test_a_window_beyond_all_history_is_refused() -> None:
    with pytest.raises(DefinitionError, match="no value within 2048 rows"):
        plan_of([planted("a", CLOSE.shift(5000))], {})


def test_core_is_set_1_in_the_order_of_the_families() -> None:
    core = feature_set("core")
    assert core.number == 1
    assert core.names[0] == "ret_1"
    assert core.names[-1] == "scale_bucket"
    assert len(set(core.names)) == len(core.names) == 192


@pytest.mark.parametrize(
    ("name", "number", "columns", "digest"),
    [
        ("core", 1, 192, "ce7d43507f120613"),
        ("alpha158", 2, 158, "2b8524c5fe90c49c"),
        ("full", 3, 424, "c9c3b5bf019d965e"),
        ("standard", 4, 452, "61ffdf202c6587a1"),
    ],
)
def test_the_columns_of_a_number_do_not_change(name: str, number: int, columns: int, digest: str) -> None:
    """Bundles store the number. Whoever changes the columns gives the set a new number, and then this digest too."""
    found = feature_set(name)
    assert (found.number, len(found.names), len(set(found.names))) == (number, columns, columns)
    assert hashlib.sha256("\n".join(found.names).encode()).hexdigest()[:16] == digest


def test_an_unknown_set_is_refused() -> None:
    with pytest.raises(UnknownFeatureSetError, match="'cores' was asked for; there are"):
        feature_set("cores")


def test_a_description_has_what_the_command_line_shows() -> None:
    entries = {entry["name"]: entry for entry in describe(feature_set("core"))}
    assert tuple(entries) == feature_set("core").names
    assert entries["vol_20"]["lookback"] == 20
    assert entries["vol_20"]["inputs"] == ["logret_1"]
    assert entries["csr_vol_20"]["scope"] == "cross_section"
    assert entries["px_ema_200"]["lookback"] == 799
