"""Margin features against plain Python on a simulated market with splits, corrections and weeks that come late."""

from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from random import Random
from statistics import mean, stdev

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tosho import calendar
from tosho.features.families import margin as family
from tosho.features.panel import build_panel
from tosho.features.records.margin import ALERT_LIST, ALERTS, CLASSES, MARGIN, MARGIN_WEEKS
from tosho.features.records.record import made_of, with_records
from tosho.features.spec import features
from tosho.ingest.sources.bars import to_bars
from tosho.ingest.sources.margin_alerts import to_margin_alerts
from tosho.ingest.sources.margin_interest import to_margin_interest
from tosho.simulation.market import simulate

LAST = date(2026, 10, 30)  # five weeks after balances began to come every session
KINDS = (MARGIN, MARGIN_WEEKS, ALERTS, ALERT_LIST)
DEFINED = [f for f in features().values() if f.family == family.__name__.rpartition(".")[2]]
PUBLISHED = [f.name for f in DEFINED if f.published]
SPLITS = {4: (60, 0.5), 7: (110, 0.2), 9: (150, 10.0)}
"""By place of the code: the session, by place, of its split, and the factor."""


def text(folder, name):
    return pl.read_parquet(folder / f"{name}.parquet").select(pl.all().cast(pl.String).fill_null(""))


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Bars, balances and lists of 12 codes that are on the exchange throughout, or for a while."""
    folder = tmp_path_factory.mktemp("margin")
    simulate(folder, codes=50, sessions=200, last=LAST, seed=5)
    watched = to_margin_alerts(text(folder, "margin_alert"))
    codes = sorted({*watched["code"].unique().sort()[:5], *pl.read_parquet(folder / "bars.parquet")["Code"][:8]})[:12]
    bars = to_bars(text(folder, "bars")).filter(pl.col("code").is_in(codes))
    balances = to_margin_interest(text(folder, "margin_interest")).filter(pl.col("code").is_in(codes))
    alerts = watched.filter(pl.col("code").is_in(codes))
    return {"bars": split(bars, codes), "margin_interest": corrected(balances), "margin_alerts": told_again(alerts)}


def split(bars, codes):
    days = bars["session"].unique().sort()
    for at, (place, factor) in SPLITS.items():
        if at < len(codes):
            of_code = pl.col("code") == codes[at]
            after = of_code & (pl.col("session") >= days[place])
            on = of_code & (pl.col("session") == days[place])
            bars = bars.with_columns(
                pl.when(on).then(factor).otherwise("adj_factor").alias("adj_factor"),
                pl.when(after).then(pl.col("volume") / factor).otherwise("volume").alias("volume"),
                *(
                    pl.when(after).then(pl.col(name) * factor).otherwise(name).alias(name)
                    for name in ("open", "high", "low", "close")
                ),
            )
    return bars


def corrected(balances):
    """Publish some balances again, some of them weeks later; let some come late; leave some sides empty."""
    draw, rows = Random(3), balances.sort("code", "applied_on").to_dicts()
    again = []
    for row in rows:
        chance = draw.random()
        if chance < 0.06:  # among them corrections on the session of a later week
            wait = draw.choice([1, 1, 3, 5, 10, 60, 140])
            again.append(row | moved(row, wait) | {"long_volume": row["long_volume"] + 700.0})
        elif chance < 0.09:
            row.update(moved(row, draw.choice([2, 5, 7, 20])))
        elif chance < 0.12:
            row.update({"short_volume": 0.0} | ({"long_volume": 0.0} if chance > 0.11 else {}))
    told = pl.DataFrame([*rows, *again], schema=balances.schema)
    return told.unique(["session", "code", "applied_on"], keep="last", maintain_order=True)


def moved(row, sessions):
    session = calendar.offset(row["session"], sessions)
    return {"session": session, "known_at": row["known_at"] + (session - row["session"])}


def told_again(alerts):
    """Publish each fifth row again, two sessions later, when its code may be off the list; name other classes."""
    classes = [*CLASSES, "999", None]
    rows = [row | {"regulation_class": classes[n % 10]} for n, row in enumerate(alerts.to_dicts())]
    again = [
        row | moved(row, 2) | {"published_on": calendar.offset(row["published_on"], 2), "regulation_class": "006"}
        for row in rows[::5]
    ]
    return pl.DataFrame([*rows, *again], schema=alerts.schema)


def evaluated(market, until=LAST):
    known = {name: rows.filter(pl.col("session") <= until) for name, rows in market.items()}
    panel = with_records(build_panel(known["bars"]), KINDS, made_of(KINDS, known))
    numbers = panel["session"].to_list()
    panel = panel.with_columns(pl.Series("place", [calendar.place(day) for day in numbers], pl.Int32))
    parts = []
    for rows in panel.partition_by("code", maintain_order=True):
        for f in DEFINED:
            rows = rows.with_columns(f.expression.cast(pl.Float64).alias(f.name))  # noqa: PLW2901
            value = pl.col(f.name)
            rows = rows.with_columns(pl.when(value.is_finite()).then(value))  # noqa: PLW2901
        parts.append(rows)
    return pl.concat(parts)


@pytest.fixture(scope="module")
def computed(market):
    return evaluated(market)


def week_of(day):
    return day.isocalendar()[:2]


SESSIONS = calendar.sessions(LAST - timedelta(days=400), LAST)
LAST_OF_WEEK = {week_of(day): day for day in SESSIONS}
AT = {day: number for number, day in enumerate(SESSIONS)}


def divided(a, b):
    return None if not b else a / b


class Oracle:
    """What one code's rows say at a session, by loops."""

    def __init__(self, market, code):
        self.bars = sorted(market["bars"].filter(pl.col("code") == code).to_dicts(), key=lambda r: r["session"])
        self.balances = sorted(
            market["margin_interest"].filter(pl.col("code") == code).to_dicts(), key=lambda r: r["session"]
        )
        self.first_told = {}
        for row in sorted(market["margin_alerts"].to_dicts(), key=lambda r: r["session"]):
            self.first_told.setdefault((row["code"], row["applied_on"]), row)
        self.code, self.factors = code, []
        for bar in self.bars:
            self.factors.append(bar["adj_factor"] * (self.factors[-1] if self.factors else 1.0))

    def at(self, t):
        session = self.bars[t]["session"]
        state = {}
        for row in self.balances:
            if row["session"] <= session:
                state[row["applied_on"]] = row
        out = dict.fromkeys(PUBLISHED)
        if state:
            out |= self.of_newest(t, state[max(state)])
        weeks = [state[day] for day in sorted(state) if LAST_OF_WEEK[week_of(day)] == day]
        out |= self.of_weeks(t, weeks)
        return out | self.of_alerts(session)

    def of_newest(self, t, row):
        long, short = row["long_volume"], row["short_volume"]
        ratio, volume = divided(long, short), self.mean_volume_then(t, row["applied_on"])
        return {
            "mrg_ratio": None if ratio is None else min(ratio, 100.0),
            "mrg_imb": divided(long - short, long + short),
            "long_to_adv20": None if volume is None else long / volume,
            "short_to_adv20": None if volume is None else short / volume,
            "std_share": divided(row["long_standardized_volume"], long),
            "mrg_age_bd": AT[self.bars[t]["session"]] - AT[row["session"]],
            "is_borrowable": float(row["issue_type"] == "2"),
        }

    def mean_volume_then(self, t, day):
        """Mean volume of 20 sessions, in shares of the day of the balance."""
        since = AT[self.bars[t]["session"]] - AT[day]
        window = range(t - 19, t + 1)
        if since > 19 or t < 19 or any(self.bars[i]["volume"] is None for i in window):
            return None
        return mean(self.bars[i]["volume"] * self.factors[i] for i in window) / self.factors[t - since]

    def of_weeks(self, t, weeks):
        imbalances = [
            divided(w["long_volume"] - w["short_volume"], w["long_volume"] + w["short_volume"]) for w in weeks[-26:]
        ]
        out = {}
        if len(imbalances) == 26 and None not in imbalances:
            out["imb_z26w"] = (imbalances[-1] - mean(imbalances)) / stdev(imbalances)
        seen = [self.factors[i] for i in range(max(t - 20, 0), t + 1) if self.bars[i]["volume"] is not None]
        apart = AT[self.bars[t]["session"]] - AT[weeks[-2]["applied_on"]] if len(weeks) > 1 else 99
        if t >= 20 and apart <= 20 and len(set(seen)) == 1:
            for side in ("long", "short"):
                change = divided(weeks[-1][f"{side}_volume"], weeks[-2][f"{side}_volume"])
                out[f"{side}_wow"] = None if change is None else change - 1
        return out

    def of_alerts(self, session):
        lists = {}
        for row in self.first_told.values():
            if row["session"] <= session:
                lists.setdefault(row["session"], {})[row["code"]] = row["regulation_class"]
        if not lists:
            return {}
        newest = lists[max(lists)]
        if self.code not in newest:
            return {"alert_on": 0.0, "alert_reg_class": 0.0}
        order = ["101", "001", "002", "003", "004", "005", "006", "102"]
        named = newest[self.code]
        return {"alert_on": 1.0, "alert_reg_class": order.index(named) + 1 if named in order else None}


@pytest.fixture(scope="module")
def expected(market):
    return {
        code: [of.at(t) for t in range(len(of.bars))]
        for code in market["bars"]["code"].unique().sort()
        for of in [Oracle(market, code)]
    }


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_feature_is_what_plain_loops_give(computed, expected, name):
    some = 0
    for code, answers in expected.items():
        got, want = computed.filter(pl.col("code") == code)[name].to_list(), [row[name] for row in answers]
        assert [v is None for v in got] == [v is None for v in want], code
        assert [v for v in got if v is not None] == pytest.approx([v for v in want if v is not None], rel=1e-9)
        some += sum(value is not None for value in want)
    assert some > 400


def test_the_numbers_are_those_of_the_family():
    assert len(PUBLISHED) == 12


def test_the_market_has_what_makes_it_hard(market, expected):
    days = market["bars"]["session"].unique().sort().to_list()
    versions = market["margin_interest"].group_by("code", "applied_on").len()
    assert versions.filter(pl.col("len") > 1).height > 20
    assert market["bars"].filter(pl.col("adj_factor") != 1).height >= 2
    rows = [row for answers in expected.values() for row in answers]
    assert {row["alert_on"] for row in rows} == {None, 0.0, 1.0}
    assert len({row["alert_reg_class"] for row in rows}) > 5
    assert max(row["mrg_ratio"] or 0 for row in rows) <= 100
    late = (
        market["margin_interest"]
        .sort("code", "session")
        .filter(pl.col("applied_on").diff().dt.total_days().over("code") < 0)
    )
    assert late.height > 20
    assert bisect_right(days, calendar.MARGIN_DAILY_SINCE) < len(days) - 20


def test_what_comes_later_changes_nothing(market, computed):
    days = market["bars"]["session"].unique().sort()
    for place in (70, 120, 165, 190):
        ended = evaluated(market, days[place])
        assert_frame_equal(ended, computed.filter(pl.col("session") <= days[place]), check_exact=True)


def test_the_order_of_the_rows_is_of_no_matter(market, computed):
    for seed in (1, 2):
        mixed = {name: rows.sample(fraction=1, shuffle=True, seed=seed) for name, rows in market.items()}
        assert_frame_equal(evaluated(mixed), computed, check_exact=True)


def test_other_codes_balances_and_alerts_are_of_no_matter(market):
    for kind in (MARGIN, MARGIN_WEEKS, ALERTS):
        everything = kind.made_of(market)
        for code in everything["code"].unique():
            own = {name: rows.filter(pl.col("code") == code) for name, rows in market.items()}
            assert_frame_equal(
                kind.made_of(own), everything.filter(pl.col("code") == code), check_exact=True, check_row_order=False
            )


def test_without_rows_there_are_no_records(market):
    for kind in KINDS:
        assert kind.made_of({}).is_empty()
        empty = {name: rows.clear() for name, rows in market.items()}
        assert kind.made_of(empty).columns == ["session", *kind.grain.key, *kind.columns]


def test_a_correction_of_an_old_week_moves_the_comparison_from_its_session_on():
    weeks = [calendar.week_end(date(2025, 1, 6) + timedelta(days=7 * n)) for n in range(30)]
    rows = [balance(week, 1000.0 + 10 * n % 70, 500.0) for n, week in enumerate(weeks)]
    plain = MARGIN_WEEKS.made_of({"margin_interest": balances(rows)}).sort("session")
    wrong = rows[20] | {"session": calendar.offset(rows[28]["session"], 1), "long_volume": 9000.0}
    corrected = MARGIN_WEEKS.made_of({"margin_interest": balances([*rows, wrong])}).sort("session")
    z = "margin_weeks_imbalance_z"
    assert corrected[z].to_list()[:29] == plain[z].to_list()[:29]
    assert corrected["session"][29] == wrong["session"]
    assert corrected[z][29] != plain[z][28]
    assert corrected[z][30] != plain[z][29]
    assert corrected["margin_weeks_long_wow"].to_list()[30] == plain["margin_weeks_long_wow"].to_list()[29]


def balance(day, long, short):
    session = calendar.first_session_knowing(calendar.published_at("margin_interest", day))
    at = datetime.combine(session, time(7, 30), tzinfo=calendar.JST)
    volumes = {"long_volume": long, "short_volume": short, "long_standardized_volume": long}
    return {"session": session, "code": "13010", "applied_on": day, **volumes, "issue_type": "2", "known_at": at}


def balances(rows):
    return pl.DataFrame(rows)


def test_a_correction_puts_no_code_back_on_the_list(market):
    days = calendar.sessions(date(2025, 3, 3), date(2025, 3, 14))
    listed = {"13010": days[:3], "13020": days}
    row = market["margin_alerts"].to_dicts()[0]
    rows = [
        row | {"code": code, "session": day, "published_on": day, "applied_on": calendar.previous_session(day)}
        for code, on in listed.items() for day in on
    ]  # fmt: skip
    again = rows[2] | {"session": days[4], "published_on": days[4]}
    tables = {"margin_alerts": pl.DataFrame([*rows, again], schema=market["margin_alerts"].schema)}
    frame = with_records(pl.DataFrame({"session": days, "code": "13010"}), KINDS[2:], made_of(KINDS[2:], tables))
    for name in ("alert_list_told", "alert_on"):
        frame = frame.with_columns(features()[name].expression.alias(name))
    assert frame["alert_on"].to_list() == [1.0] * 3 + [0.0] * 7
