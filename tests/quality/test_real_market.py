from datetime import date

import pytest

from tosho import calendar
from tosho.quality import after_ingest
from tosho.quality.expectations import EXPECTED
from tosho.quality.tables import Held, after_table

LAST = date(2018, 11, 16)
SAMPLE = [LAST, *(calendar.offset(LAST, -k) for k in range(20, 1180, 20))]
# Sessions on which the source lost hundreds of codes: 71 to 85 % have a trade, where neighbours have 96 %.
DEFECTS = [date(2016, 10, 14), date(2017, 11, 14), date(2018, 10, 29), date(2018, 10, 31)]


def judge(tables, session):
    checked, securities, indices = tables(session)
    before = tables(calendar.previous_session(session))
    verdicts = after_ingest(checked.good, securities, indices, before[0].good, checked.by_rule(), session)
    found = {
        "bars": (checked.good, before[0].good),
        "securities": (securities, before[1]),
        "indices": (indices, before[2]),
    }
    for expected in EXPECTED:
        if frames := found.get(expected.table):
            held = Held(session, frames[0], session, [frames[1].height] * 20, frames[1])
            verdicts += after_table(expected, held)
    return {verdict.gate: verdict for verdict in verdicts}


def test_the_real_market_passes_every_gate_on_sound_sessions(real_market):
    sound = [session for session in SAMPLE if session not in DEFECTS]
    failed = [str(v) for s in sound for v in judge(real_market, s).values() if not v.passed]
    assert failed == []


@pytest.mark.parametrize("session", DEFECTS)
def test_real_defects_are_named(real_market, session):
    failed = [gate for gate, verdict in judge(real_market, session).items() if not verdict.passed]
    assert failed == ["ingest.traded"]


@pytest.mark.parametrize("session", [date(2016, 9, 28), date(2018, 9, 26)])
def test_a_split_session_without_its_factors_fails(real_market, session):
    checked, securities, indices = real_market(session)
    previous = real_market(calendar.previous_session(session))[0].good
    forgot = checked.good.with_columns(adj_factor=1.0)
    verdicts = after_ingest(forgot, securities, indices, previous, {}, session)
    assert [v.gate for v in verdicts if not v.passed] == ["continuity.beyond_price_limit"]
