"""The next month's files are under way while a month is published, and one that fails spoils no earlier month."""

from dataclasses import dataclass, field
from threading import Event, get_ident

import pytest

from tosho.ingest.months_ahead import fetched_ahead

WAIT = 30  # seconds, that a fault hangs no test


@dataclass(frozen=True)
class Client:
    stop: Event | None = None

    def until(self, stop):
        return Client(stop)


@dataclass(frozen=True)
class Fetched:
    """A month that notes who fetches it, and when it is done."""

    name: str
    client: Client = field(default_factory=Client)
    fault: Exception | None = None
    seen: dict = field(default_factory=dict)
    done: Event = field(default_factory=Event)

    def fetch(self):
        self.seen["by"], self.seen["stop"] = get_ident(), self.client.stop
        self.done.set()
        if self.fault:
            raise self.fault


def test_months_come_in_order_and_the_next_is_fetched_meanwhile():
    months = [Fetched("2024-01"), Fetched("2024-02"), Fetched("2024-03")]
    with fetched_ahead(months) as ahead:
        for place, month in enumerate(ahead):
            assert month.name == months[place].name
            assert month.seen["by"] != get_ident()
            assert all(later.done.wait(WAIT) for later in months[place + 1 : place + 2])
            assert not any(later.done.is_set() for later in months[place + 2 :])


def test_a_fault_is_raised_at_its_months_turn():
    months = [Fetched("2024-01"), Fetched("2024-02", fault=ConnectionError("gone")), Fetched("2024-03")]
    with fetched_ahead(months) as ahead:
        assert next(ahead).name == "2024-01"
        assert months[1].done.wait(WAIT)
        with pytest.raises(ConnectionError, match="gone"):
            next(ahead)
    assert not months[2].done.is_set()


def test_whoever_leaves_early_ends_the_waits_of_what_is_under_way():
    months = [Fetched("2024-01"), Fetched("2024-02")]
    with fetched_ahead(months) as ahead:
        next(ahead)
        assert months[1].done.wait(WAIT)
        assert not months[1].seen["stop"].is_set()
    assert months[1].seen["stop"].is_set()


def test_no_months_are_none():
    with fetched_ahead([]) as ahead:
        assert list(ahead) == []
