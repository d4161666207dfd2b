"""What the demo shows at its end, on a home that holds what a demo leaves: a lake, a store, the training's report."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from predictions.frames import predictions
from services.pages import Page
from tosho.commands import demo as command
from tosho.contracts import HORIZONS
from tosho.evaluation import charts
from tosho.local import demo_report
from tosho.local.demo import Outcome
from tosho.local.environment import Workplace
from tosho.local.market import Market
from tosho.local.watch import TaskTime
from tosho.predictions import open_store
from tosho.storage import Lake

EARLIER, LAST = date(2025, 1, 10), date(2025, 1, 14)
HOSTILE = "<script src='http://elsewhere/x.js'></script> & $Sons"
REPORT = (
    f"<!doctype html><html><body><h1>Training &lt;of&gt; v3</h1>{charts.importance_bars({'ret_5': 1.0})}</body></html>"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    made = Workplace(Path.cwd(), tmp_path_factory.mktemp("home"))
    settings = made.settings()
    scored = predictions(LAST)
    open_store(settings.store).load(LAST, scored)
    Lake.of(settings).publish(
        "securities", LAST, securities(scored["code"].unique().sort(), best(scored)["code"].to_list()[0])
    )
    (made.home / "reports").mkdir()
    (made.home / "reports" / "tosho-lightgbm-v3.html").write_text(REPORT)
    return made


def securities(codes, hostile):
    named = pl.when(pl.col("code") == hostile).then(pl.lit(HOSTILE)).otherwise("Company " + pl.col("code"))
    empty = ("margin_class", "product")
    known_at = pl.datetime(2025, 1, 14, 6, time_unit="us", time_zone="UTC")
    return pl.DataFrame({"session": LAST, "code": codes}).with_columns(
        named.alias("name"),
        *(pl.lit(None, pl.String).alias(name) for name in empty),
        name_en=named,
        sector17=pl.lit("1"),
        sector33=pl.lit("0050"),
        scale=pl.lit("TOPIX Small 1"),
        segment=pl.lit("0111"),
        known_at=known_at,
    )


def best(scored):
    """The ten highest scores of five sessions ahead, by the scores themselves."""
    return scored.filter(pl.col("horizon") == 5).sort("score", descending=True).head(10)


@pytest.fixture(scope="module")
def outcome(place):
    found = {str(h): {"rank_ic": 0.01 * h, "t": 3.0, "attainable": 0.02 * h} for h in HORIZONS}
    trained = {"rank_ic": found, "promoted": True, "reasons": ["Promoted: it is the first."], "version": 3}
    daily = [TaskTime("ingest", 1.5, 12.25), TaskTime("load", 0.5, 2.0)]
    return Outcome(
        Market(place.home / "market", date(2024, 1, 4), LAST, 60, 14_000),
        stages={"market": 3.0, "history": 61.0},
        daily={EARLIER: [TaskTime("ingest", 9.0, 9.0)], LAST: daily},
        trained=trained | {"model": "tosho-lightgbm"},
        rows={EARLIER: 236, LAST: 240},
        peak=3 << 30,
    )


@pytest.fixture(scope="module")
def lines(place, outcome):
    return list(demo_report.lines(place, outcome))


@pytest.fixture(scope="module")
def page(place, outcome):
    return Page(demo_report.write(place, outcome).read_text())


def after(lines, heading):
    """The indented lines below a heading."""
    begin = next(n for n, line in enumerate(lines) if line.startswith(f"\n{heading}")) + 1
    end = next((n for n in range(begin, len(lines)) if not lines[n].startswith("  ")), len(lines))
    return [line.split() for line in lines[begin:end]]


def test_the_ten_best_of_the_last_session_stand_in_the_order_of_their_scores(lines, page):
    expected = best(predictions(LAST))
    shown = after(lines, f"Top 10 of {LAST}, horizon 5 sessions")
    assert [line[:2] for line in shown] == [[str(n), code] for n, code in enumerate(expected["code"], start=1)]
    assert [float(line[-1]) for line in shown] == pytest.approx(expected["score"].to_list(), abs=1e-4)
    ranking = [row for row in page.rows if row[1] in expected["code"].to_list()]
    assert [row[1] for row in ranking] == expected["code"].to_list()
    assert {row[3] for row in ranking} == {"0050"}


def test_rank_ic_stands_beside_the_attainable_one_at_every_horizon(lines, page):
    shown = after(lines, "Rank IC out of sample")
    for line, row, horizon in zip(shown, page.rows[-4:], HORIZONS, strict=False):
        said = [f"{0.01 * horizon:+.4f}", "attainable", f"{0.02 * horizon:+.4f},", "recovered", "50%"]
        assert (line[0], [word for word in line if word in said]) == (str(horizon), said)
        assert (row[0], row[1]) == (f"{horizon} sessions", said[0])
        assert row[3].split() == said[1:]
    assert shown[4] == ["champion:", "yes.", "Promoted:", "it", "is", "the", "first."]


def test_on_a_real_market_the_attainable_one_is_not_known(place, outcome):
    found = {"5": {"rank_ic": 0.03, "t": 2.0}}
    real = Outcome(outcome.market, daily=outcome.daily, rows=outcome.rows, trained=outcome.trained | {"rank_ic": found})
    assert any("attainable: not known on a real market" in line for line in demo_report.lines(place, real))


def test_it_tells_where_the_time_of_the_last_evening_and_of_all_stages_went(lines):
    daily = after(lines, f"Where the time of daily_predictions {LAST} went")
    assert daily[0] == ["ingest", "waited", "1.5", "s", "ran", "12.2", "s"]
    assert daily[-1] == ["together", "16.2", "s", "for", "240", "rows", "in", "the", "store"]
    assert after(lines, "Stages") == [["market", "3.0", "s"], ["history", "61.0", "s"]]


def test_the_page_is_well_formed_and_fetches_nothing(page):
    for part in (page, *page.framed):
        assert part.ill_formed == []
        assert part.fetched == []
        assert "script" not in part.tags


def test_the_page_shows_the_training_s_report_with_its_plots(page):
    (report,) = page.framed
    assert "svg" in report.tags
    assert "Training <of> v3" in report.text
    assert page.tags.count("i") == 4  # a bar for each stage and each task


def test_a_name_is_text_whatever_it_is(page):
    assert HOSTILE in {row[2] for row in page.rows}


def test_a_code_without_a_name_is_shown_without_one(place, outcome):
    """It was scored by what was known, and is not listed on the session itself."""
    Lake.of(place.settings()).publish("securities", EARLIER, securities(["99990"], "").with_columns(session=EARLIER))
    open_store(place.settings().store).load(EARLIER, predictions(EARLIER))
    before = Outcome(outcome.market, daily={EARLIER: []}, rows={EARLIER: 240}, trained=outcome.trained)
    assert [len(line) for line in after(list(demo_report.lines(place, before)), "Top 10")] == [3] * 10
    assert Page(demo_report.write(place, before).read_text()).rows[1][2:4] == ["", ""]


def opening_the_ui(told):
    return next(line for line in told.splitlines() if line.startswith("Look around")).split("`")[1]


def test_in_the_usual_home_make_airflow_opens_the_ui():
    project = Path.cwd()
    assert command._look_around(Workplace(project, project / ".tosho")) == "make airflow"


def test_at_its_end_the_demo_says_where_everything_is_and_how_to_open_the_ui(place, outcome, capsys):
    report = demo_report.write(place, outcome)
    command._show(place, outcome, report, 99.0)
    told = capsys.readouterr().out
    named = dict(line.split(maxsplit=1) for line in told.splitlines() if line.startswith(("Report", "Everything")))
    assert Path(named["Report"]).read_text().startswith("<!doctype html>")
    assert Path(named["Everything"]) == place.home
    assert (place.project / opening_the_ui(told).removeprefix("make airflow HOME_FOLDER=")).resolve() == place.home
    assert "99 s, at most 3.0 GiB in all processes" in told
    assert f"Top 10 of {LAST}" in told
