from dataclasses import replace
from datetime import date, timedelta

import pytest

from tosho.quality import GateFailedError, Verdict
from tosho.steps.gates import settle


def verdict(*, passed):
    return Verdict("ingest.traded", 0.5, "at least", 0.85, passed, "Half did not trade.", "Fetch again.")


def found(sessions, failed):
    days = [date(2014, 1, 6) + timedelta(days=n) for n in range(sessions)]
    return {day: [verdict(passed=True), verdict(passed=n >= failed)] for n, day in enumerate(days)}


def test_few_defects_are_named_and_the_range_goes_on():
    defects = settle(found(200, 2))
    assert list(defects) == ["2014-01-06", "2014-01-07"]
    assert "ingest.traded" in defects["2014-01-06"]


def test_many_defects_stop_the_range():
    with pytest.raises(
        GateFailedError, match=r"3 of 200 sessions failed a gate, the bound is 2.0. The first: 2014-01-06"
    ):
        settle(found(200, 3))


def test_one_defect_of_a_short_range_stops_it():
    with pytest.raises(GateFailedError):
        settle(found(10, 1))


def test_warnings_make_no_defect_and_are_logged(caplog):
    warned = {day: [replace(v, stops=False) for v in verdicts] for day, verdicts in found(10, 5).items()}
    assert settle(warned) == {}
    assert "session 2014-01-06: 1 warnings, the first: Gate ingest.traded" in caplog.text
