"""Short selling against plain Python on a simulated market with splits, silent holders and reports that come late."""

from datetime import date, timedelta
from random import Random
from statistics import mean, stdev

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tosho import calendar
from tosho.features.families import short_selling as family
from tosho.features.panel import build_panel
from tosho.features.records.record import made_of, with_records
from tosho.features.records.short_selling import SECTOR_SHORT, SHORT_POSITIONS
from tosho.features.spec import features
from tosho.ingest.sources.bars import to_bars
from tosho.ingest.sources.sector_short_selling import to_sector_short_selling
from tosho.ingest.sources.short_positions import to_short_positions
from tosho.simulation.market import simulate

LAST = date(2025, 3, 31)
KINDS = (SECTOR_SHORT, SHORT_POSITIONS)
DEFINED = [
    features()["share_unit"],
    *(f for f in features().values() if f.family == family.__name__.rpartition(".")[2]),
]
PUBLISHED = [f.name for f in DEFINED[1:]]
SPLIT_AT, FACTOR = 70, 0.2
SPLITS = 1
"""The code that does, by place."""
OLD, NEW, EMPTY, UNTOLD = "0050", "3200", "5250", "0000"
"""Sectors: a code moves from the first to the second in the middle; the third once sold nothing; none is the last."""
SILENT = 40
"""A session, by place, of which no sector's sales are told."""


def text(folder, name):
    return pl.read_parquet(folder / f"{name}.parquet").select(pl.all().cast(pl.String).fill_null(""))


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    """Bars, listings, shares, sectors' sales and reports of ten codes over 120 sessions."""
    folder = tmp_path_factory.mktemp("short_selling")
    simulate(folder, codes=50, sessions=120, last=LAST, seed=8)
    reports = to_short_positions(text(folder, "short_sale_report"))
    most = reports["code"].value_counts(sort=True)["code"].head(9).sort().to_list()
    bars = to_bars(text(folder, "bars"))
    codes = sorted([*most, next(code for code in bars["code"].unique().sort() if code not in most)])
    bars, days = bars.filter(pl.col("code").is_in(codes)), bars["session"].unique().sort().to_list()
    sales = to_sector_short_selling(text(folder, "short_ratio")).filter(pl.col("sector33").is_in([OLD, NEW, EMPTY]))
    sales = sales.filter(pl.col("session") != days[SILENT]).with_columns(
        pl.when((pl.col("sector33") != EMPTY) | (pl.col("session") != days[5])).then(name).otherwise(0.0).alias(name)
        for name in ("sell_yen", "short_restricted_yen", "short_unrestricted_yen")
    )
    return {
        "bars": split(bars, codes[SPLITS], days),
        "securities": listing(bars, codes, days),
        "shares": stated(codes, days),
        "sector_short_selling": sales,
        "short_positions": hard(reports.filter(pl.col("code").is_in(codes))),
    }


def split(bars, code, days):
    after = (pl.col("code") == code) & (pl.col("session") >= days[SPLIT_AT])
    on = after & (pl.col("session") == days[SPLIT_AT])
    return bars.with_columns(
        pl.when(on).then(FACTOR).otherwise("adj_factor").alias("adj_factor"),
        pl.when(after).then(pl.col("volume") / FACTOR).otherwise("volume").alias("volume"),
    )


def listing(bars, codes, days):
    """The second code changes its sector; the last two are in one of which nothing is told."""
    moves = (pl.col("code") == codes[1]) & (pl.col("session") >= days[60])
    other = pl.when(pl.col("code").is_in(codes[-2:])).then(pl.lit(UNTOLD)).otherwise(pl.lit(EMPTY))
    own = pl.when(pl.col("code").is_in(codes[:2])).then(pl.lit(OLD)).otherwise(other)
    sector = pl.when(moves).then(pl.lit(NEW)).otherwise(own)
    return bars.select("session", "code", sector.alias("sector33"), segment=pl.lit("0111"), scale=pl.lit("-"))


def stated(codes, days):
    rows = [(days[0], code, 1e7 * (n + 1)) for n, code in enumerate(codes)]
    frame = pl.DataFrame(rows, schema=["session", "code", "shares_outstanding"], orient="row")
    return frame.with_columns(pl.col("session").cast(pl.Datetime("us", "UTC")).alias("known_at"))


def hard(reports):
    """Correct some reports, send some late, leave some figures out; let one name stand for two sellers."""
    draw, rows = Random(6), reports.sort("known_at", "code", "seller").to_dicts()
    again = []
    for row in rows:
        chance = draw.random()
        if chance < 0.06:
            position = row["position_to_listed"] * draw.choice([0.5, 2])
            again.append(row | moved(row, draw.choice([0, 1, 4, 30])) | {"position_to_listed": position})
        elif chance < 0.1:
            again.append(row | {"position_to_listed": 0.0091, "position_shares": row["position_shares"] + 1e6})
        elif chance < 0.13:
            row.update(moved(row, draw.choice([3, 15, 40])))
        elif chance < 0.15:
            row["position_to_listed"] = None
        elif chance < 0.25:
            row["position_to_listed"] = draw.choice([0.005, 0.0049, 0.0])
    return pl.DataFrame([*rows, *again], schema=reports.schema)


def moved(row, sessions):
    session = calendar.offset(row["session"], sessions)
    later = row["known_at"] + (session - row["session"]) + timedelta(seconds=1)
    return {"session": session, "known_at": later}


def evaluated(market, until=LAST):
    known = {name: rows.filter(pl.col("session") <= until) for name, rows in market.items()}
    panel = build_panel(known["bars"], known["shares"], known["securities"])
    panel = with_records(panel, KINDS, made_of(KINDS, known))
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


class Oracle:
    """What one code's rows say at a session, by loops."""

    def __init__(self, market, code):
        self.bars = market["bars"].filter(pl.col("code") == code).sort("session").to_dicts()
        self.sector = dict(market["securities"].filter(pl.col("code") == code).select("session", "sector33").rows())
        self.sales = market["sector_short_selling"].sort("session").to_dicts()
        self.shares = market["shares"].filter(pl.col("code") == code)["shares_outstanding"][0]
        self.factors = []
        for bar in self.bars:
            self.factors.append(bar["adj_factor"] * (self.factors[-1] if self.factors else 1.0))
        reports = market["short_positions"].filter(pl.col("code") == code).to_dicts()
        self.positions = [self.of_positions(bar["session"], reports) for bar in self.bars]

    def at(self, t):
        ratio, holders = self.positions[t]
        before = self.positions[t - 20][0] if t >= 20 else None
        volumes = [bar["volume"] for bar in self.bars[max(t - 19, 0) : t + 1]]
        cover = None
        if ratio is not None and len(volumes) == 20 and None not in volumes:
            units = self.factors[t - 19 : t + 1]
            today = mean(volume * unit / self.factors[t] for volume, unit in zip(volumes, units, strict=True))
            cover = ratio * self.shares / self.factors[t] / today
        return self.of_sector(self.bars[t]["session"]) | {
            "ssp_ratio": ratio,
            "ssp_holders": holders,
            "ssp_delta_20": None if ratio is None or before is None else ratio - before,
            "days_to_cover": cover,
        }

    def of_positions(self, session, reports):
        last = {}
        for row in reports:
            holder = (row["seller"], row["manager"], row["fund"])
            newness = (row["calculated_on"], row["known_at"], row["position_shares"])
            if row["session"] <= session and (holder not in last or newness > last[holder][0]):
                last[holder] = (newness, row["position_to_listed"])
        found = [position for _, position in last.values()]
        if not found or None in found:
            return None, None
        counted = [position for position in found if position >= 0.005]
        return sum(counted), len(counted)

    def of_sector(self, session):
        told = [r for r in self.sales if r["sector33"] == self.sector[session] and r["session"] <= session]
        shares, out = [], {}
        for row in told:
            short = row["short_restricted_yen"] + row["short_unrestricted_yen"]
            whole = short + row["sell_yen"]
            shares.append(short / whole if whole else None)
            out["sec_nores_share"] = row["short_unrestricted_yen"] / short if short else None
        if shares:
            out["sec_short_share"] = shares[-1]
        if len(shares) > 1 and None not in shares[-2:]:
            out["sec_short_share_d1"] = shares[-1] - shares[-2]
        if len(shares) >= 60 and None not in shares[-60:]:
            out["sec_short_share_z60"] = (shares[-1] - mean(shares[-60:])) / stdev(shares[-60:])
        return dict.fromkeys(PUBLISHED) | out


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
        assert [v for v in got if v is not None] == pytest.approx([v for v in want if v is not None], abs=1e-9)
        some += sum(value is not None for value in want)
    assert some > 200


def test_the_numbers_are_those_of_the_family():
    assert len(PUBLISHED) == 8


def test_the_market_has_what_makes_it_hard(market, expected):
    answers = [row for rows in expected.values() for row in rows]
    assert {row["ssp_holders"] for row in answers} == {None, 0, 1, 2}
    assert any(row["ssp_ratio"] == 0 for row in answers)
    assert market["short_positions"]["position_to_listed"].null_count() > 0
    assert market["short_positions"].sort("known_at")["calculated_on"].is_sorted() is False


def test_a_split_does_not_move_the_days_to_cover(market, computed):
    bars = market["bars"]
    code, days = bars["code"].unique().sort()[SPLITS], bars["session"].unique().sort()
    after = (pl.col("code") == code) & (pl.col("session") >= days[SPLIT_AT])
    volume = pl.when(after).then(pl.col("volume") * FACTOR).otherwise("volume").alias("volume")
    whole = evaluated({**market, "bars": bars.with_columns(volume, pl.lit(1.0).alias("adj_factor"))})
    got, want = (frame.filter(pl.col("code") == code)["days_to_cover"].to_list() for frame in (computed, whole))
    assert got == [value if value is None else pytest.approx(value, rel=1e-12) for value in want]
    assert any(got[SPLIT_AT : SPLIT_AT + 20])


def test_what_comes_later_changes_nothing(market, computed):
    days = market["bars"]["session"].unique().sort()
    for place in (30, 62, 75, 110):
        ended = evaluated(market, days[place])
        assert_frame_equal(ended, computed.filter(pl.col("session") <= days[place]), check_exact=True)


def test_the_order_of_the_rows_is_of_no_matter(market, computed):
    for seed in (1, 2):
        mixed = {name: rows.sample(fraction=1, shuffle=True, seed=seed) for name, rows in market.items()}
        assert_frame_equal(evaluated(mixed), computed, check_exact=True)


@pytest.mark.parametrize("kind", KINDS)
def test_other_keys_are_of_no_matter(market, kind):
    (key,), everything = kind.grain.key, kind.made_of(market)
    for one in everything[key].unique():
        own = kind.made_of({kind.tables[0]: market[kind.tables[0]].filter(pl.col(key) == one)})
        assert_frame_equal(own, everything.filter(pl.col(key) == one), check_exact=True, check_row_order=False)


def test_without_rows_there_are_no_records(market):
    for kind in KINDS:
        assert kind.made_of({}).is_empty()


def test_positions_that_all_went_leave_exactly_nothing(market):
    report = market["short_positions"].head(1).to_dicts()[0]
    rows = []
    for n, position in enumerate([0.0051, 0.0063, 0.0077, 0.0049, 0.0031, 0.0]):
        at = {"seller": f"S{n % 3}", "position_to_listed": position, "session": calendar.offset(report["session"], n)}
        rows.append(report | at | {"calculated_on": at["session"]})
    made = SHORT_POSITIONS.made_of({"short_positions": pl.DataFrame(rows, schema=market["short_positions"].schema)})
    sums = made.sort("session")["short_positions_ratio"].to_list()
    assert sums == pytest.approx([0.0051, 0.0114, 0.0191, 0.014, 0.0077, 0.0], rel=1e-12)
    assert sums[-1] == 0
