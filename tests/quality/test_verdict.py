import pickle
from dataclasses import replace

import pytest

from tosho.quality import GateFailedError, enforce, from_json, to_json
from tosho.quality.verdict import NOT_MEASURED, at_least, at_most

GOOD = at_least("coverage", 0.99, 0.98, "All there.", "Nothing to do.")
BAD = at_most("stale", 12, 3, "Rows repeat: 13010.", "Fetch again.")
UNKNOWN = at_least("traded", NOT_MEASURED, 0.85, "No rows.", "Ingest first.")


def test_verdicts_that_pass_come_back():
    assert enforce([GOOD]) == [GOOD]


def test_a_failed_gate_is_named_with_value_bound_and_what_to_do():
    with pytest.raises(GateFailedError) as caught:
        enforce([GOOD, BAD, UNKNOWN])
    assert str(caught.value) == (
        "Gate stale: the value is 12, the bound is at most 3. Rows repeat: 13010. Fetch again. Also failed: traded."
    )


def test_every_verdict_is_logged(caplog):
    caplog.set_level("INFO")
    with pytest.raises(GateFailedError):
        enforce([BAD, GOOD])
    assert "FAILED Gate stale" in caplog.text
    assert "passed Gate coverage" in caplog.text


@pytest.mark.parametrize("judge", [at_least, at_most])
def test_what_was_not_measured_fails(judge):
    assert not judge("g", NOT_MEASURED, 0, "", "").passed


def test_no_gate_at_all_is_no_pass():
    with pytest.raises(GateFailedError, match="No gate was asked"):
        enforce([])


def test_verdicts_survive_json():
    read = from_json(to_json([GOOD, BAD, UNKNOWN]))
    assert read[:2] == [GOOD, BAD]
    assert str(read[2]) == str(UNKNOWN)
    assert "could not be measured" in str(read[2])


def test_the_error_travels_between_processes_with_its_verdicts():
    with pytest.raises(GateFailedError) as caught:
        enforce([BAD])
    there = pickle.loads(pickle.dumps(caught.value))
    assert (str(there), there.verdicts) == (str(caught.value), (BAD,))


def test_a_failed_gate_that_does_not_stop_is_a_warning(caplog):
    warning = replace(BAD, stops=False)
    assert enforce([GOOD, warning]) == [GOOD, warning]
    assert "warning Gate stale" in caplog.text
    with pytest.raises(GateFailedError, match=r"^Gate traded"):
        enforce([warning, UNKNOWN])
