"""Long work begins only with a key that fills what the declared plan has."""

import pytest

from services.jquants import KEY
from tosho.config import JQuants
from tosho.ingest import JQuantsClient, KeyRefusedError, LastProbe, PlanTooSmallError, admitted, admitted_lately, plans
from tosho.ingest.plans import PLANS


def client_of(url, plan, key=KEY):
    return JQuantsClient(JQuants(url, key, plan), sleep=lambda _: None)


def test_the_tables_that_the_key_fills_are_named(url):
    with client_of(url, "light") as client:
        tables = admitted(client, LastProbe(""))
    assert {"bars", "indices", "investor_flows"} <= set(tables)
    assert "margin_interest" not in tables


def test_what_the_key_is_refused_is_told_and_skipped(url, caplog):
    with client_of(url, "standard") as client:
        tables = admitted(client, LastProbe(""))
    assert "margin_interest" not in tables
    assert "/markets/margin-interest" in caplog.text
    assert "is skipped" in caplog.text


def test_a_key_without_what_every_session_needs_is_refused(free_url):
    with (
        client_of(free_url, "light") as client,
        pytest.raises(PlanTooSmallError, match=r"'light'.*/bulk/list.*TOSHO_JQUANTS_PLAN.*Nothing was taken in"),
    ):
        admitted(client, LastProbe(""))


def test_a_wrong_key_is_told_from_a_small_plan(url):
    with client_of(url, "light", "another") as client, pytest.raises(KeyRefusedError):
        admitted(client, LastProbe(""))


def test_only_the_declared_endpoints_are_asked(url, tampering):
    with client_of(url, "free") as client:
        admitted(client, LastProbe(""))
    assert {path.removeprefix("/v2") for path, _ in tampering.asked} == PLANS["free"].endpoints


@pytest.mark.parametrize(("said", "kept"), [(lambda body: body, True), (lambda body: b"{", False)])
def test_only_what_every_endpoint_answered_is_kept(url, tampering, tmp_path, said, kept):
    tampering.body = lambda path, body: said(body) if path == f"/v2{plans.BULK_LIST}" else body
    with client_of(url, "light") as client:
        tables = admitted(client, LastProbe(str(tmp_path)))
        tampering.asked.clear()
        assert admitted_lately(client, LastProbe(str(tmp_path))) == tables
    assert (not tampering.asked) == kept
