from dataclasses import replace

import polars as pl
import pytest

from tosho.features import spec, windows
from tosho.features.columns import CLOSE, VOLUME
from tosho.features.families.alpha158_prices import roc
from tosho.features.families.returns import ret
from tosho.features.families.volatility import vol
from tosho.features.grammar import DefinitionError
from tosho.features.spec import Scope, define, features
from tosho.features.windows_at_once import TRAILING


def defined(expression: pl.Expr, scope: Scope = Scope.SERIES) -> spec.Feature:
    return define("planted", scope, "tests", expression, summary="Planted.", published=True)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (CLOSE.mean().over("code"), r"\.over"),
        (CLOSE / CLOSE.shift(1).over("code"), r"\.over"),
        (CLOSE / CLOSE.mean(), "Agg"),
        (CLOSE.shift(-1), "shifts by -1"),
        (CLOSE.shift(pl.col("volume")), "shifts by an expression"),
        (CLOSE.rolling_mean(5), "RollingExpr"),
        (CLOSE.ewm_mean(span=5), "Ewm"),
        (CLOSE.cum_sum(), "CumSum"),
        (CLOSE.forward_fill(), "ForwardFill|FillNull"),
        (CLOSE.fill_null(0), "FillNull"),
        (CLOSE.rank(), "Rank"),
        (CLOSE.sort(), "Sort"),
        (CLOSE.reverse(), "Reverse"),
        (CLOSE.diff(-1), "Diff"),
        (CLOSE.filter(VOLUME > 0), "Filter"),
        (CLOSE.map_batches(lambda x: x.reverse()), "Python function of its own"),
        ((VOLUME > 0) & (CLOSE > 1), "joins conditions with And"),
        (CLOSE.is_null(), "IsNull"),
        (pl.col("y_5") + 1, "label y_5"),
        (pl.col("^.*$"), "Selector|Regex|Column"),
    ],
)
def test_what_a_series_may_not_be_is_refused_by_name(expression: pl.Expr, reason: str) -> None:
    with pytest.raises(DefinitionError, match=rf"Feature planted .*({reason})"):
        defined(expression)


def test_a_session_may_be_aggregated_but_not_shifted() -> None:
    defined(CLOSE.rank() / CLOSE.count(), Scope.CROSS_SECTION)
    with pytest.raises(DefinitionError, match="Shift"):
        defined(CLOSE.shift(1), Scope.CROSS_SECTION)


def test_inputs_are_read_from_the_expression() -> None:
    assert defined(windows.mean(CLOSE, 5) / VOLUME + CLOSE).inputs == ("close", "volume")


def test_name_family_and_summary_are_derived() -> None:
    found = features()["vol_20"]
    assert (found.family, found.scope, found.published) == ("volatility", Scope.SERIES, True)
    assert found.summary.startswith("Volatility over 20 sessions: sd_20(l)")


def test_calling_a_definition_refers_to_its_column() -> None:
    assert vol(20).meta.root_names() == ["vol_20"]


def test_a_window_that_is_not_defined_is_refused() -> None:
    with pytest.raises(DefinitionError, match=r"ret_7 is not defined; ret is for \['ret_1'"):
        ret(7)


def test_a_name_is_taken_once() -> None:
    def ret_1() -> pl.Expr:
        """Another."""
        return CLOSE

    with pytest.raises(DefinitionError, match="ret_1 is defined twice"):
        spec.feature(Scope.SERIES)(ret_1)


def test_a_feature_needs_a_docstring() -> None:
    def silent() -> pl.Expr:
        return CLOSE

    with pytest.raises(DefinitionError, match="silent has no docstring"):
        spec.feature(Scope.SERIES)(silent)


def test_every_feature_says_what_it_is() -> None:
    assert [f.name for f in features().values() if "{window}" in f.summary or len(f.summary) < 20] == []


def test_the_registry_was_not_changed_by_refusals() -> None:
    assert "planted" not in features()
    assert "silent" not in features()


def test_a_template_names_columns_and_references() -> None:
    found = features()["ROC20"]
    assert (found.family, found.inputs) == ("alpha158_prices", ("close",))
    assert roc(20).meta.output_name() == "ROC20"
    with pytest.raises(DefinitionError, match=r"Feature ROC7 is not defined; roc is for \['ROC5', 'ROC10'"):
        roc(7)


def test_a_formula_is_given_again_with_other_windows() -> None:
    other = replace(TRAILING, mean=lambda x, window: x * window)
    assert spec.expression_of("MA20", over=other).meta.eq(CLOSE * 20 / CLOSE)
    assert spec.expression_of("ROC20", over=other).meta.eq(features()["ROC20"].expression)
