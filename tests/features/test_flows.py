"""Investor flows against plain Python on weeks that are corrected, missing, and told twice on one day."""

import math
from datetime import date, datetime, time
from random import Random
from statistics import mean, stdev

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from tosho import calendar
from tosho.contracts import INGESTED
from tosho.features.families import flows as family
from tosho.features.records.flows import FLOWS, known_flows
from tosho.features.records.record import made_of, with_records
from tosho.features.spec import features

SCHEMA = INGESTED["investor_flows"].schema
WHO = {
    "frgn": "foreigners", "ind": "individuals", "trst": "trust_banks", "invtr": "investment_trusts",
    "prop": "proprietary",
}  # fmt: skip
NAMES = [f.name for f in features().values() if f.family == family.__name__.rpartition(".")[2]]
FIRST, LAST = date(2021, 3, 1), date(2022, 9, 30)
SESSIONS = calendar.sessions(FIRST, LAST)
NEVER, LATE, TWICE, STILL = 20, 33, 40, 12
"""Weeks by place: one that nobody published, one that came after the next, one told twice in a session, one at rest."""


def row(section, week, published, draw):
    known_at = datetime.combine(published, time(7, 30), tzinfo=calendar.JST)
    told = {"section": section, "week_start": week, "week_end": week, "published_on": published}
    told |= {"session": calendar.first_session_knowing(known_at), "known_at": known_at}
    for who in WHO.values():
        sell, buy = draw.randrange(10**6, 10**9), draw.randrange(10**6, 10**9)
        told |= {f"{who}_sell": sell, f"{who}_buy": buy, f"{who}_total": sell + buy, f"{who}_balance": buy - sell}
    return dict.fromkeys(SCHEMA, 0) | told


def weeks_told(draw):
    weeks = sorted({calendar.week_end(day) for day in calendar.sessions(FIRST, date(2022, 8, 31))})
    for place, week in enumerate(weeks):
        published = calendar.offset(week, 9 if place == LATE else 4)
        for section in () if place == NEVER else ("TSE1st", "TSEPrime", "TokyoNagoya"):
            yield row(section, week, published, draw)
            if place == TWICE:  # a day early, so that both are first known on the session after a holiday
                yield row(section, week, date(2021, 12, 31), draw) | {"session": date(2022, 1, 4)}
                yield row(section, week, date(2022, 1, 3), draw) | {"session": date(2022, 1, 4)}
            if place % 9 == 5 and section != "TSE1st":
                yield row(section, week, calendar.offset(week, 9), draw)
            if place in {50, 60}:  # an old week, long after
                yield row(section, weeks[place - 7], calendar.offset(week, 6), draw)
            if place == 2:
                yield row(section, weeks[0], calendar.offset(week, 6), draw)


@pytest.fixture(scope="module")
def flows():
    rows = [*weeks_told(Random(5))]
    for told in rows:
        if told["week_end"] == calendar.week_end(calendar.offset(calendar.week_end(FIRST), 5 * STILL)):
            told |= {"trust_banks_total": 0, "trust_banks_balance": 0}
    return pl.DataFrame(rows, schema=SCHEMA)


def evaluated(flows, sessions=SESSIONS):
    frame = with_records(pl.DataFrame({"session": sessions}), [FLOWS], made_of([FLOWS], {"investor_flows": flows}))
    for name in NAMES:
        frame = frame.with_columns(features()[name].expression.cast(pl.Float64).alias(name))
    return frame.select("session", *NAMES)


def net(told, who):
    total = told[f"{WHO[who]}_total"]
    return told[f"{WHO[who]}_balance"] / total if total else None


def answers(rows, session):
    """Return what was known at a session, by feature."""
    known = {}
    for told in sorted(rows, key=lambda told: (told["known_at"], told["published_on"])):
        section = "TSEPrime" if told["week_end"] >= date(2022, 4, 4) else "TSE1st"
        if told["session"] <= session and told["section"] == section:
            known[told["week_end"]] = told
    if not known:
        return dict.fromkeys(NAMES)
    weeks = [known[week] for week in sorted(known)]

    def z(who):
        values = [net(told, who) for told in weeks[-52:]]
        return (values[-1] - mean(values)) / stdev(values) if len(values) == 52 else None

    found = {f"{who}_net": net(weeks[-1], who) for who in WHO}
    found |= {"frgn_net_z52w": z("frgn"), "ind_net_z52w": z("ind"), "smart_idx": None, "frgn_net_wow": None}
    if found["frgn_net_z52w"] is not None:
        found["smart_idx"] = found["frgn_net_z52w"] - found["ind_net_z52w"]
    if len(weeks) > 1:
        found["frgn_net_wow"] = net(weeks[-1], "frgn") - net(weeks[-2], "frgn")
    return found | {"flow_age_bd": SESSIONS.index(session) - SESSIONS.index(weeks[-1]["session"])}


@pytest.fixture(scope="module")
def computed(flows):
    return evaluated(flows)


@pytest.fixture(scope="module")
def expected(flows):
    rows = flows.to_dicts()
    return [answers(rows, session) for session in SESSIONS]


def test_the_family_has_its_ten_features():
    assert len(NAMES) == 10


@pytest.mark.parametrize("name", NAMES)
def test_every_session_against_plain_python(computed, expected, name):
    values = [answer[name] for answer in expected]
    assert any(value is not None for value in values)
    assert any(value is None for value in values)
    for session, got, wanted in zip(SESSIONS, computed[name], values, strict=True):
        same = got is None if wanted is None else math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12)
        assert same, (session, got, wanted)


def test_weeks_before_prime_are_of_the_first_section(flows):
    eve, first = date(2022, 4, 1), date(2022, 4, 8)
    rows = {(told["section"], told["week_end"]): told for told in flows.to_dicts() if told["week_end"] in {eve, first}}
    found = evaluated(flows, [calendar.offset(eve, 4), calendar.offset(first, 4)])["frgn_net"]
    assert found.to_list() == [net(rows["TSE1st", eve], "frgn"), net(rows["TSEPrime", first], "frgn")]


def test_a_correction_of_an_old_week_moves_the_z_and_neither_the_newest_week_nor_its_age(flows):
    weeks = flows.filter((pl.col("section") == "TSEPrime") & (pl.col("week_end") >= date(2022, 4, 4)))
    told = weeks.sort("session").with_columns(pl.col("week_end").cum_max().alias("newest"))
    old = told.filter(pl.col("week_end") < pl.col("newest"))["session"].to_list()
    changed = 0
    for session in old:
        before, after = evaluated(flows, [calendar.previous_session(session), session]).iter_rows(named=True)
        if before["frgn_net"] == after["frgn_net"]:  # no newer week came with it
            assert before["frgn_net_z52w"] != after["frgn_net_z52w"]
            assert after["flow_age_bd"] == before["flow_age_bd"] + 1 > 0
            changed += 1
    assert changed > 0


def test_the_first_week_corrected_has_no_week_before_it():
    week, draw = calendar.week_end(FIRST), Random(1)
    rows = [row("TSE1st", week, calendar.offset(week, after), draw) for after in (4, 6)]
    found = known_flows({"investor_flows": pl.DataFrame(rows, schema=SCHEMA)})
    assert found["flow_foreign_net"].to_list() == [net(told, "frgn") for told in rows]
    assert found["flow_foreign_net_change"].to_list() == [None, None]


@pytest.mark.parametrize("place", [30, 180, 290, 331, 372])
def test_what_is_told_later_changes_nothing_that_was_known(flows, computed, place):
    ended = evaluated(flows.filter(pl.col("session") <= SESSIONS[place]), SESSIONS[: place + 1])
    assert_frame_equal(ended, computed.head(place + 1), check_exact=True)


def test_the_order_of_rows_and_other_sections_change_nothing(flows):
    wanted = known_flows({"investor_flows": flows})
    assert wanted["session"].is_unique().all()
    for seed in range(3):
        shuffled = flows.filter(pl.col("section") != "TokyoNagoya").sample(fraction=1, shuffle=True, seed=seed)
        assert_frame_equal(known_flows({"investor_flows": shuffled}), wanted, check_exact=True)


def test_a_correction_that_is_known_too_early_is_caught(flows, computed):
    leaky = flows.with_columns(pl.col("session").min().over("section", "week_end"))
    assert not evaluated(leaky).equals(computed)


def test_without_a_week_of_the_market_nothing_is_known(flows):
    others = flows.filter(pl.col("section") == "TokyoNagoya")
    assert known_flows({"investor_flows": others}).columns == ["session", "flow_told_before", *FLOWS.columns[:-1]]
    found = evaluated(others)
    assert all(found[name].null_count() == found.height for name in NAMES)
