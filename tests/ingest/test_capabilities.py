"""What a key can fill is found out by asking, over real connections."""

from datetime import UTC, date, datetime

import pytest
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from services.jquants import KEY, serving
from tosho.config import JQuants
from tosho.ingest import JQuantsClient, ServiceUnavailableError, plans
from tosho.ingest.capabilities import beyond, capabilities, lacking, met, questions, sunday_before
from tosho.ingest.plans import PLANS
from tosho.simulation.answers import NOT_IN_PLAN

ALL = PLANS["premium"].endpoints


class Service:
    """Answers as a key of one plan is answered; single endpoints may be told to answer otherwise."""

    def __init__(self, plan):
        self.plan, self.otherwise, self.refusal, self.asked = plan, {}, "Forbidden", []

    def answer(self, request):
        endpoint = request.url.path.removeprefix("/v2")
        self.asked.append((endpoint, dict(request.query_params)))
        if endpoint in self.otherwise:
            status, content = self.otherwise[endpoint]
            return JSONResponse(content, status)
        if endpoint not in PLANS[self.plan].endpoints:
            return JSONResponse({"message": self.refusal}, 403)
        if endpoint == plans.BULK_GET:
            return JSONResponse({"url": "https://example.invalid/file"})
        rows = [{"Key": "a/file", "LastModified": "2026-01-01", "Size": 1}] if endpoint == plans.BULK_LIST else []
        return JSONResponse({"data": rows})


@pytest.fixture
def service():
    return Service("light")


@pytest.fixture
def found(service):
    """Return what a client that declares a plan finds out."""
    with serving(Starlette(routes=[Route("/v2/{path:path}", service.answer)])) as url:

        def find(declared="light", **options):
            settings = JQuants(f"{url}/v2", KEY, declared)
            with JQuantsClient(settings, sleep=lambda _: None, attempts=2) as client:
                return capabilities(client, **options)

        yield find


def states(found):
    return {endpoint: one.state for endpoint, one in found.items()}


def test_every_endpoint_of_every_plan_is_asked():
    assert set(questions(date(2026, 7, 5))) == ALL
    assert next(iter(questions(date(2026, 7, 5)))) == plans.CALENDAR


@pytest.mark.parametrize("day", range(1, 8))
def test_the_day_is_a_sunday_inside_every_plans_window(day):
    now = datetime(2026, 11, day, 3, tzinfo=UTC)
    asked = sunday_before(now)
    assert asked.isoweekday() == 7
    assert 12 * 7 < (now.date() - asked).days < 2 * 365


@pytest.mark.parametrize("plan", PLANS)
def test_a_key_of_the_declared_plan(service, found, plan):
    service.plan = plan
    told = found(plan)
    assert {endpoint for endpoint, one in told.items() if one.state == "ok"} == PLANS[plan].endpoints
    assert set(states(told).values()) <= {"ok", "plan"}
    assert (lacking(told, plan), beyond(told, plan), met(told)) == ([], [], plan)


def test_a_refusal_without_a_reason_is_the_plan_where_it_has_none_and_else_the_path(service, found):
    service.otherwise[plans.TOPIX] = (403, {"message": "Forbidden"})
    told = found()
    assert told[plans.INDICES].state == "plan"
    assert told[plans.TOPIX].state == "path"
    assert "smaller than the settings say" in told[plans.TOPIX].said
    assert (lacking(told, "light"), met(told)) == ([plans.TOPIX], "free")


def test_a_path_that_does_not_exist(service, found):
    service.otherwise[plans.TOPIX] = (404, {"message": "Not Found"})
    assert found()[plans.TOPIX].state == "path"


def test_a_smaller_plan_that_the_service_names(service, found):
    service.refusal = NOT_IN_PLAN
    told = found("standard")
    assert told[plans.INDICES].state == "plan"
    assert set(lacking(told, "standard")) == PLANS["standard"].endpoints - PLANS["light"].endpoints
    assert met(told) == "light"


def test_a_larger_plan_than_declared(service, found):
    service.plan = "standard"
    told = found("light")
    assert set(beyond(told, "light")) == PLANS["standard"].endpoints - PLANS["light"].endpoints
    assert met(told) == "standard"


@pytest.mark.parametrize("said", ["Forbidden", "The incoming api key is invalid or expired."])
def test_a_bad_key_is_asked_about_once(service, found, said):
    service.otherwise[plans.CALENDAR] = (403, {"message": said})
    assert set(states(found()).values()) == {"key"}
    assert len(service.asked) == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ((210, {"message": ""}), "ok"),
        ((400, {"message": "Your subscription covers the following dates: 2024-01-01 ~ "}), "ok"),
        ((400, {"message": "'date' must be a valid date"}), "unknown"),
        ((500, {"message": "Unexpected error."}), "unknown"),
        ((200, {"message": "no rows"}), "unknown"),
        ((403, {"message": NOT_IN_PLAN}), "plan"),
    ],
)
def test_what_an_endpoint_may_say(service, found, answer, state):
    service.otherwise[plans.BARS] = answer
    assert found()[plans.BARS].state == state


def test_no_key_is_looked_into_while_the_service_is_away(service, found):
    service.otherwise[plans.CALENDAR] = (503, {"message": "Service Unavailable"})
    with pytest.raises(ServiceUnavailableError):
        found()


def test_each_outcome_is_told_when_it_is_known(found):
    told = {}
    assert found(told=told.__setitem__) == told


def test_the_simulated_service_on_the_free_plan(free_client):
    told = capabilities(free_client, day=date(2018, 10, 28))
    assert {plans.CALENDAR, plans.MASTER, plans.BARS, plans.FINS} <= {e for e, one in told.items() if one.state == "ok"}
    assert told[plans.TOPIX].state == told[plans.BULK_GET].state == "plan"
