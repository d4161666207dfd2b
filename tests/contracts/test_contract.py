from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tosho.contracts import BARS, PREDICTIONS, Column, Contract, ContractError, features_contract

SESSION = date(2018, 11, 16)


def bars(**changes):
    row = {
        "session": SESSION,
        "code": "13010",
        "open": 100.0,
        "high": 110.0,
        "low": 90.0,
        "close": 105.0,
        "volume": 1000.0,
        "turnover_yen": 1e5,
        "adj_factor": 1.0,
        "upper_limit_hit": False,
        "lower_limit_hit": False,
    }
    other = {**row, "code": "13020"}
    return pl.DataFrame([row | changes, other], schema=BARS.schema, strict=False)


def test_good_rows_pass_in_key_order():
    checked = BARS.check(bars(code="99990"))
    assert checked.good["code"].to_list() == ["13020", "99990"]
    assert checked.bad.is_empty()


def test_a_session_without_a_trade_is_good():
    nothing = dict.fromkeys(["open", "high", "low", "close", "volume", "turnover_yen"])
    assert BARS.check(bars(**nothing)).bad.is_empty()


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"low": 101.0}, "low_is_lowest"),
        ({"high": 104.0}, "high_is_highest"),
        ({"close": None}, "prices_all_or_none"),
        ({"open": -1.0, "low": -1.0}, "price_is_positive"),
        ({"high": float("inf")}, "price_is_finite"),
        ({"volume": -5.0}, "volume_not_negative"),
        ({"volume": None}, "traded_has_volume"),
        ({"adj_factor": 0.0}, "adj_factor_is_positive"),
        ({"adj_factor": None}, "adj_factor_missing"),
        ({"code": "1301"}, "code_is_five_characters"),
        ({"code": None}, "code_missing"),
    ],
)
def test_each_rule_sends_its_row_to_quarantine(changes, rule):
    checked = BARS.check(bars(**changes))
    assert checked.by_rule() == {rule: 1}
    assert checked.good["code"].to_list() == ["13020"]


def test_both_of_two_rows_with_one_key_are_bad():
    assert BARS.check(bars(code="13020", close=104.0)).by_rule() == {"duplicate_key": 2}


def test_of_equal_rows_one_is_good():
    checked = BARS.check(pl.concat([bars(), bars()]))
    assert checked.good.equals(BARS.check(bars()).good)
    assert checked.by_rule() == {"repeated_row": 2}


def test_equal_rows_beside_a_different_one_are_no_good():
    checked = BARS.check(pl.concat([bars(), bars(volume=7.0)]))
    assert checked.by_rule() == {"duplicate_key": 2, "repeated_row": 1}
    assert checked.good["code"].to_list() == ["13020"]


def test_a_bad_row_that_is_repeated_is_counted_under_both_rules():
    checked = BARS.check(pl.concat([bars(low=101.0), bars(low=101.0)]))
    assert checked.by_rule() == {"low_is_lowest": 1, "repeated_row": 2}


def test_bad_rows_come_in_one_order_however_they_were_sent():
    sent = pl.concat([bars(volume=1.0), bars(volume=2.0), bars(low=101.0)])
    assert BARS.check(sent).bad.equals(BARS.check(sent.reverse()).bad)


def test_no_row_is_lost():
    frame = pl.concat([bars(low=101.0), bars(code="13020"), bars(code="77770")])
    checked = BARS.check(frame)
    assert checked.good.height + checked.bad.height == frame.height


BARS_OF_ALL_KINDS = st.lists(
    st.fixed_dictionaries(
        {
            "code": st.sampled_from(["13010", "13020", "130A0", "1301", None]),
            "open": st.sampled_from([100.0, -1.0, float("nan"), float("inf"), None]) | st.just(100.0),
            "volume": st.sampled_from([1000.0, 0.0, -5.0, None]),
        }
    ),
    max_size=5,
)


@settings(max_examples=200, deadline=None)
@given(BARS_OF_ALL_KINDS)
def test_judging_all_rows_at_once_is_as_judging_each(changes):
    frame = pl.concat([bars(code="99990"), *(bars(**change).head(1) for change in changes)])
    at_once, each = BARS.check(frame), BARS._sorted_out(BARS.dated(frame))
    assert at_once.good.equals(each.good)
    assert at_once.bad.equals(each.bad)


def test_rows_in_any_order_are_good_in_one():
    frame = pl.concat([bars(code="99990"), bars(code="77770").head(1)])
    checked = BARS.check(frame)
    assert checked.good["code"].to_list() == ["13020", "77770", "99990"]
    assert checked.good.equals(BARS.check(checked.good).good)


def test_a_key_with_a_null_in_it_can_be_shared():
    columns = tuple(Column(name, pl.String()) for name in ("code", "seller", "notes"))
    contract = Contract("positions", columns, key=("code", "seller"))
    frame = pl.DataFrame({"code": ["13010"] * 3, "seller": [None, None, "A"], "notes": ["a", "b", "c"]})
    assert contract.check(frame).by_rule() == {"duplicate_key": 2}
    assert contract.check(frame.tail(2)).good.equals(frame.tail(2))


@pytest.mark.parametrize("column", ["close", "volume", "turnover_yen"])
def test_a_lost_column_is_an_error(column):
    with pytest.raises(ContractError, match=rf"lacks the column\(s\) \['{column}'\]"):
        BARS.check(bars().drop(column))


def test_an_unknown_column_is_an_error():
    with pytest.raises(ContractError, match=r"unknown column\(s\) \['surprise'\]"):
        BARS.check(bars().with_columns(surprise=1))


def test_a_column_null_throughout_is_an_error():
    with pytest.raises(ContractError, match=r"\['turnover_yen'\] are null in all 2 rows"):
        BARS.check(bars().with_columns(turnover_yen=pl.lit(None, pl.Float64)))


def test_a_type_that_cannot_be_is_an_error():
    with pytest.raises(ContractError, match="cannot take its type"):
        BARS.check(bars().with_columns(open=pl.lit("dear")))


def test_conform_refuses_what_check_would_quarantine():
    with pytest.raises(ContractError, match="1 of 2 rows break its contract"):
        BARS.conform(bars(low=101.0))


def test_an_empty_table_is_a_table():
    assert PREDICTIONS.conform(PREDICTIONS.empty()).is_empty()


def test_features_keep_the_order_of_their_set():
    contract = features_contract(("ret_1", "vol_20"))
    assert list(contract.schema) == ["session", "code", "ret_1", "vol_20"]
    assert contract.schema["vol_20"] == pl.Float32
