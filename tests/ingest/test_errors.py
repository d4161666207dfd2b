"""What may pass by trying again, and what never does, are of no common kind."""

import pytest

from tosho import ingest
from tosho.contracts import ContractError
from tosho.storage import StorageError

FINAL = (
    ingest.AccessRefusedError,
    ingest.KeyRefusedError,
    ingest.PlanTooSmallError,
    ingest.RequestRefusedError,
    ContractError,
)
PASSING = (ingest.NotYetPublishedError, ingest.PayloadError, ingest.ServiceUnavailableError, StorageError)


@pytest.mark.parametrize("final", FINAL)
@pytest.mark.parametrize("passing", PASSING)
def test_no_kind_of_error_holds_both(final, passing):
    assert set(final.__mro__) & set(passing.__mro__) == {Exception, BaseException, object}


@pytest.mark.parametrize("final", FINAL)
def test_what_never_passes_is_a_value_error(final):
    assert issubclass(final, ValueError)


def test_every_error_of_the_package_is_one_or_the_other():
    errors = {getattr(ingest, name) for name in ingest.__all__ if name.endswith("Error")}
    assert errors == {error for error in (*FINAL, *PASSING) if error.__module__.startswith("tosho.ingest")}
