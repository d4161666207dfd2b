from datetime import date, time, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from point_in_time.disclosed import document, frame, known_after, last_of_month, months_on, statement
from tosho.point_in_time.statements import FLOWS, as_disclosed

FY23, FY24 = (date(2022, 4, 1), date(2023, 3, 31)), (date(2023, 4, 1), date(2024, 3, 31))
FY25 = (date(2024, 4, 1), date(2025, 3, 31))
JUN, SEP, DEC = date(2023, 6, 30), date(2023, 9, 30), date(2023, 12, 31)
Q1, H1, Q3 = date(2022, 6, 30), date(2022, 9, 30), date(2022, 12, 31)
YEAR_BEFORE = [
    statement(1, "1Q", Q1, FY23, sales=10.0),
    statement(2, "2Q", H1, FY23, sales=22.0),
    statement(3, "3Q", Q3, FY23, sales=36.0),
    statement(4, "FY", FY23[1], FY23, sales=52.0),
]
YEAR = [
    statement(5, "1Q", JUN, FY24, sales=11.0),
    statement(6, "2Q", SEP, FY24, sales=25.0),
    statement(7, "3Q", DEC, FY24, sales=42.0),
    statement(8, "FY", FY24[1], FY24, sales=62.0),
]


def column(documents, name):
    return as_disclosed(frame(documents))[name].to_list()


class TestQuarters:
    def test_sums_become_quarters(self):
        assert column(YEAR, "sales_quarter") == [11.0, 14.0, 17.0, 20.0]

    def test_a_missing_middle_quarter_leaves_nulls_and_no_wrong_number(self):
        assert column([YEAR[0], YEAR[2], YEAR[3]], "sales_quarter") == [11.0, None, 20.0]
        assert column([YEAR[0], YEAR[3]], "sales_quarter") == [11.0, None]

    def test_the_quarter_a_year_before(self):
        assert column(YEAR_BEFORE + YEAR, "sales_quarter_year_ago") == [None] * 4 + [10.0, 12.0, 14.0, 16.0]

    def test_cash_flows_come_twice_a_year_and_have_no_quarters(self):
        year = [statement(n, p, e, FY24, sales=1.0, cash_from_operations=c) for n, p, e, c in (
            (5, "1Q", JUN, None), (6, "2Q", SEP, 30.0), (7, "3Q", DEC, None), (8, "FY", FY24[1], 80.0))]  # fmt: skip
        assert column(year, "cash_from_operations") == [None, 30.0, None, 80.0]
        assert column(year, "cash_from_operations_quarter") == [None] * 4
        assert column(year, "cash_from_operations_trailing") == [None, None, None, 80.0]

    def test_the_days_in_february_are_ends_of_months(self):
        year = (date(2023, 3, 1), date(2024, 2, 29))
        stated = [
            statement(1, "1Q", date(2023, 5, 31), year, sales=1.0),
            statement(2, "2Q", date(2023, 8, 31), year, sales=3.0),
            statement(3, "3Q", date(2023, 11, 30), year, sales=6.0),
            statement(4, "FY", date(2024, 2, 29), year, sales=10.0),
        ]
        assert column(stated, "sales_quarter") == [1.0, 2.0, 3.0, 4.0]

    def test_years_that_end_on_the_twentieth(self):
        year = (date(2023, 2, 21), date(2024, 2, 20))
        stated = [statement(1, "1Q", date(2023, 5, 20), year, sales=1.0),
                  statement(2, "2Q", date(2023, 8, 20), year, sales=3.0)]  # fmt: skip
        assert column(stated, "sales_quarter") == [1.0, 2.0]


class TestTwelveMonths:
    def test_a_full_year_is_its_own_sum(self):
        assert column(YEAR_BEFORE, "sales_trailing") == [None, None, None, 52.0]

    def test_within_the_next_year_the_rest_comes_from_the_one_before(self):
        assert column(YEAR_BEFORE + YEAR, "sales_trailing")[4:] == [52 - 10 + 11, 52 - 22 + 25, 52 - 36 + 42, 62.0]

    def test_the_same_sum_a_year_before(self):
        assert column(YEAR_BEFORE + YEAR, "sales_year_ago")[4:] == [10.0, 22.0, 36.0, 52.0]

    def test_without_the_full_year_there_are_none(self):
        assert column([*YEAR_BEFORE[:3], *YEAR[:3]], "sales_trailing") == [None] * 6


class TestOtherYears:
    SHORT = (date(2023, 4, 1), date(2023, 12, 31))  # nine months, as when a year's end moves to December
    AFTER = (date(2024, 1, 1), date(2024, 12, 31))
    CHANGED = (
        *YEAR_BEFORE,
        statement(5, "1Q", JUN, SHORT, sales=11.0),
        statement(6, "2Q", SEP, SHORT, sales=25.0),
        statement(7, "FY", DEC, SHORT, sales=42.0),
        statement(8, "1Q", date(2024, 3, 31), AFTER, sales=19.0),
        statement(9, "2Q", date(2024, 6, 30), AFTER, sales=40.0),
    )

    def test_a_year_of_nine_months(self):
        assert column(self.CHANGED, "sales_quarter")[4:] == [11.0, 14.0, 17.0, 19.0, 21.0]
        trailing = [52 - 10 + 11, 52 - 22 + 25, 52 - 36 + 42, 42 + 19, 42 - 11 + 40]
        assert column(self.CHANGED, "sales_trailing")[4:] == trailing

    def test_sums_of_unlike_years_are_not_set_beside_each_other(self):
        assert column(self.CHANGED, "sales_year_ago")[4:] == [10.0, 22.0, 36.0, None, None]
        assert column(self.CHANGED, "sales_quarter_year_ago")[4:] == [10.0, 12.0, 14.0, 16.0, 11.0]

    def test_a_year_of_three_months_between_two_others(self):
        tiny, after = (date(2023, 4, 1), JUN), (date(2023, 7, 1), date(2024, 6, 30))
        stated = [
            *YEAR_BEFORE,
            statement(5, "FY", JUN, tiny, sales=11.0),
            statement(6, "1Q", SEP, after, sales=14.0),
        ]
        assert column(stated, "sales_quarter")[4:] == [11.0, 14.0]
        assert column(stated, "sales_trailing")[4:] == [52 - 10 + 11, 52 - 22 + 11 + 14]

    def test_a_year_of_eighteen_months_has_a_fourth_and_a_fifth_quarter(self):
        long = (date(2023, 4, 1), date(2024, 9, 30))
        ends = [JUN, SEP, DEC, date(2024, 3, 31), date(2024, 6, 30), date(2024, 9, 30)]
        labels = ["1Q", "2Q", "3Q", "4Q", "5Q", "FY"]
        stated = [
            statement(n, p, e, long, sales=10.0 * n * n) for n, (p, e) in enumerate(zip(labels, ends, strict=True), 1)
        ]
        assert column(stated, "sales_quarter") == [10.0, 30.0, 50.0, 70.0, 90.0, 110.0]
        assert column(stated, "sales_trailing") == [None, None, None, 160.0, 240.0, 320.0]

    def test_a_year_of_four_months_has_no_last_quarter_of_three(self):
        year = (date(2023, 4, 1), date(2023, 7, 31))
        stated = [statement(1, "1Q", JUN, year, sales=3.0), statement(2, "FY", year[1], year, sales=4.0)]
        assert column(stated, "sales_quarter") == [3.0, None]


class TestBases:
    def test_ordinary_profit_that_ifrs_leaves_blank_stays_null(self):
        stated = [statement(n, p, e, FY24, "Consolidated_IFRS", sales=10.0 * n, ordinary_profit=None)
                  for n, (p, e) in enumerate((("1Q", JUN), ("2Q", SEP)), 1)]  # fmt: skip
        result = as_disclosed(frame(stated))
        assert result["sales_quarter"].to_list() == [10.0, 10.0]
        for of in ("", "_quarter", "_trailing", "_year_ago", "_quarter_year_ago"):
            assert result[f"ordinary_profit{of}"].to_list() == [None, None]

    @pytest.mark.parametrize("basis", ["Consolidated_IFRS", "NonConsolidated_JP"])
    def test_what_would_mix_two_bases_is_null(self, basis):
        moved = [
            YEAR[0],
            statement(6, "2Q", SEP, FY24, basis, sales=26.0),
            statement(7, "3Q", DEC, FY24, basis, sales=44.0),
        ]
        result = as_disclosed(frame([*YEAR_BEFORE, *moved])).tail(3)
        assert result["sales"].to_list() == [11.0, 26.0, 44.0]
        assert result["sales_quarter"].to_list() == [11.0, None, 18.0]
        assert result["sales_trailing"].to_list() == [53.0, None, None]
        assert result["sales_year_ago"].to_list() == [10.0, None, None]

    def test_a_year_stated_again_on_the_new_basis_ends_the_gap(self):
        ifrs = "Consolidated_IFRS"
        again = [statement(6, "FY", FY23[1], FY23, ifrs, sales=51.0), statement(7, "1Q", Q1, FY23, ifrs, sales=9.0)]
        stated = [*YEAR_BEFORE, *again, statement(8, "1Q", JUN, FY24, ifrs, sales=11.0)]
        assert column(stated, "sales_trailing")[-1] == 51 - 9 + 11


class TestRestatements:
    AGAIN = statement(9, "1Q", JUN, FY24, sales=12.5)

    def test_a_restatement_counts_from_its_own_row_on(self):
        stated = [YEAR[0], YEAR[1], self.AGAIN, statement(10, "3Q", DEC, FY24, sales=42.0)]
        result = as_disclosed(frame(stated))
        assert result["period"].to_list() == ["1Q", "2Q", "2Q", "3Q"]
        assert result["sales_quarter"].to_list() == [11.0, 14.0, 25 - 12.5, 17.0]

    def test_the_newest_period_stated_again_replaces_its_figures(self):
        assert column([YEAR[0], statement(6, "1Q", JUN, FY24, sales=12.0)], "sales") == [11.0, 12.0]

    def test_a_figure_that_the_new_version_leaves_blank_is_gone(self):
        first = statement(5, "1Q", JUN, FY24, sales=1.0, ordinary_profit=2.0)
        again = statement(6, "1Q", JUN, FY24, sales=1.0)
        assert column([first, again], "ordinary_profit") == [2.0, None]

    def test_of_two_versions_in_one_publication_the_later_disclosed_holds(self):
        early = statement(5, "1Q", JUN, FY24, sales=1.0, at=time(9, 30))
        late = statement(5, "1Q", JUN, FY24, sales=2.0, at=time(14))
        untimed = statement(5, "1Q", JUN, FY24, sales=3.0, number="x") | {"disclosed_at": None}
        assert column([untimed, late, early], "sales") == [1.0, 2.0, 3.0]


class TestForecasts:
    REVISED = document(6, "EarnForecastRevision", "FY", FY24[1], FY24, forecast_sales=70.0, forecast_eps=7.0)
    FIRST = statement(4, "FY", FY23[1], FY23, sales=52.0, next_forecast_sales=60.0, forecast_sales=None)
    QUARTER = statement(5, "1Q", JUN, FY24, sales=11.0, forecast_sales=61.0)

    def test_a_revised_forecast_carries_the_actuals_before_it(self):
        result = as_disclosed(frame([*YEAR_BEFORE, self.QUARTER, self.REVISED]))
        assert result["sales"].to_list()[-2:] == [11.0, 11.0]
        assert result["sales_trailing"].to_list()[-2:] == [53.0, 53.0]
        assert result["forecast_sales"].to_list()[-2:] == [61.0, 70.0]

    def test_actuals_in_a_document_that_is_no_statement_are_not_taken(self):
        odd = document(6, "EarnForecastRevision", "2Q", SEP, FY24, sales=999.0, forecast_sales=70.0)
        assert column([self.QUARTER, odd], "sales") == [11.0, 11.0]

    def test_the_year_in_progress_is_the_one_after_the_last_full_one(self):
        result = as_disclosed(frame([*YEAR_BEFORE[:3], self.FIRST, self.QUARTER, self.REVISED]))
        assert result["forecast_year_end"].to_list() == [FY23[1]] * 3 + [FY24[1]] * 3
        assert result["forecast_sales"].to_list() == [None, None, None, 60.0, 61.0, 70.0]

    def test_the_forecast_of_a_finished_year_is_no_longer_in_force(self):
        done = statement(8, "FY", FY24[1], FY24, sales=62.0)
        result = as_disclosed(frame([self.QUARTER, self.REVISED, done]))
        assert result["forecast_year_end"].to_list()[-1] == FY25[1]
        assert result["forecast_sales"].to_list()[-1] is None

    def test_a_dividend_or_half_year_revision_leaves_it_as_it_was(self):
        dividend = document(6, "DividendForecastRevision", "FY", FY24[1], FY24)
        half = document(7, "EarnForecastRevision", "2Q", SEP, FY24, forecast_sales_2q=30.0)
        assert column([self.QUARTER, dividend, half], "forecast_sales") == [61.0] * 3

    def test_a_withdrawn_forecast_is_null_and_so_is_a_figure_left_blank(self):
        withdrawn = document(9, "EarnForecastRevision", "FY", FY24[1], FY24)
        quarter = statement(8, "2Q", SEP, FY24, sales=1.0, forecast_sales=71.0)
        result = as_disclosed(frame([self.QUARTER, self.REVISED, quarter, withdrawn]))
        assert result["forecast_sales"].to_list() == [61.0, 70.0, 71.0, None]
        assert result["forecast_eps"].to_list() == [None, 7.0, None, None]

    def test_before_any_statement_the_last_year_spoken_of(self):
        assert column([self.REVISED], "forecast_sales") == [70.0]
        assert column([self.REVISED], "forecast_year_end") == [FY24[1]]


def test_balances_are_those_of_the_newest_period():
    stated = [
        statement(5, "1Q", JUN, FY24, total_assets=5.0),
        statement(6, "2Q", SEP, FY24, total_assets=6.0, cash=1.0),
    ]
    result = as_disclosed(frame([*stated, statement(7, "1Q", JUN, FY24, total_assets=4.0)]))
    assert result["total_assets"].to_list() == [5.0, 6.0, 6.0]
    assert result["cash"].to_list() == [None, 1.0, 1.0]


def test_companies_do_not_mix_and_order_does_not_matter():
    both = YEAR_BEFORE + YEAR + [d | {"code": "86970", "sales": d["sales"] * 3} for d in YEAR_BEFORE + YEAR]
    result = as_disclosed(frame(both))
    assert as_disclosed(frame(both[::-1])).equals(result)
    one, three = (result.filter(code=code)["sales_trailing"] for code in ("13010", "86970"))
    assert (one * 3).equals(three)


def test_a_statement_without_dates_says_nothing():
    blank = statement(6, "2Q", None, FY24, sales=25.0)
    assert column([YEAR[0], blank], "sales") == [11.0, 11.0]


def test_no_statements_are_no_rows():
    assert as_disclosed(frame([])).height == 0


@st.composite
def histories(draw):
    """A company's documents: years of 3 to 18 months, some missing, some stated again, a change of basis, revisions."""
    start, documents, basis = date(2019, 4, 1), [], "Consolidated_JP"
    for months in draw(st.lists(st.sampled_from([12, 12, 12, 9, 6, 3, 15, 18]), min_size=1, max_size=4)):
        if draw(st.integers(0, 5)) == 0:
            basis = "Consolidated_IFRS"
        end = months_on(start - timedelta(days=1), months)
        for number in range(1, months // 3 + 1):
            period = "FY" if 3 * number == months else f"{number}Q"
            period_end = months_on(start - timedelta(days=1), 3 * number)
            documents.append((period, period_end, (start, end), basis))
        start = end + timedelta(days=1)
    stated = [d for d in documents if draw(st.integers(0, 5))]
    for again in draw(st.lists(st.integers(0, len(documents) - 1), max_size=3)):
        place = draw(st.integers(0, len(stated)))
        if documents[again][1] <= max((d[1] for d in stated[:place]), default=date.min):
            stated.insert(place, documents[again])
    figure = st.none() | st.integers(-50, 50).map(float)
    return [
        statement(n, *d[:3], d[3], total_assets=1.0, **{flow: draw(figure) for flow in ("sales", "ordinary_profit")})
        if draw(st.integers(0, 7))
        else document(n, "EarnForecastRevision", "FY", d[1], d[2], forecast_sales=1.0)
        for n, d in enumerate(stated)
    ]


@settings(max_examples=60, deadline=None)
@given(histories())
def test_plain_code_gives_the_same(documents):
    result = as_disclosed(frame(documents))
    for flow in ("sales", "ordinary_profit"):
        names = [flow, *(f"{flow}_{of}" for of in ("year_ago", "quarter", "quarter_year_ago", "trailing"))]
        assert result.select(names).rows() == list(known_after(documents, flow))


@settings(max_examples=20, deadline=None)
@given(histories(), st.integers(0, 20))
def test_what_comes_later_changes_no_earlier_row(documents, count):
    early = as_disclosed(frame(documents[:count]))
    assert as_disclosed(frame(documents)).head(early.height).equals(early)


def test_every_flow_has_its_columns():
    result = as_disclosed(frame(YEAR))
    assert [name for name in FLOWS if f"{name}_trailing" not in result.columns] == []
    assert result.schema["period_end"] == pl.Date
    assert last_of_month(2024, 2) == date(2024, 2, 29)
