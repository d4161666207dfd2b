import json

import pytest
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from typer.testing import CliRunner

from services.jquants import KEY, serving
from tosho.__main__ import app
from tosho.ingest.plans import PLANS


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """The settings of a key that has the light plan."""

    def answer(request):
        endpoint = request.url.path.removeprefix("/v2")
        if endpoint not in PLANS["light"].endpoints:
            return Response(json.dumps({"message": "Forbidden"}), 403)
        return Response(json.dumps({"data": [], "url": "https://example.invalid/file"}))

    monkeypatch.setenv("TOSHO_HOME", str(tmp_path))
    monkeypatch.setenv("TOSHO_JQUANTS_API_KEY", KEY)
    with serving(Starlette(routes=[Route("/v2/{path:path}", answer)])) as url:
        monkeypatch.setenv("TOSHO_JQUANTS_URL", f"{url}/v2")
        yield monkeypatch


def probe(environment, plan, status):
    environment.setenv("TOSHO_JQUANTS_PLAN", plan)
    told = CliRunner().invoke(app, ["jquants", "probe"])
    assert told.exit_code == status, told.output
    return told


def test_the_declared_plan_is_met(environment):
    told = probe(environment, "light", 0)
    assert "The key fills all that plan light has." in told.output
    assert "22 questions; plan light allows 60 a minute." in told.stderr
    row = next(line for line in told.output.splitlines() if "/equities/bars/daily " in line)
    assert [cell.strip() for cell in row.split("│")[1:5]][2:] == ["yes", "ok"]


def test_a_declared_plan_that_the_key_has_not(environment):
    told = probe(environment, "standard", 1).output
    assert "the key does not fill: /indices/bars/daily, " in told
    assert "It gives the whole of plan light" in told


def test_more_than_declared(environment):
    told = probe(environment, "free", 0).output
    assert "It also gives: /indices/bars/daily/topix" in told


def test_without_a_key(environment):
    environment.delenv("TOSHO_JQUANTS_API_KEY")
    assert "There is no key" in CliRunner().invoke(app, ["jquants", "probe"]).output
