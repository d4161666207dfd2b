import socket

import pytest

from tosho.config import Metrics
from tosho.observability import metrics


@pytest.fixture
def listener():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
        made.bind(("127.0.0.1", 0))
        made.settimeout(5)
        yield made


def test_counts_and_stages_arrive_with_their_tags(listener):
    endpoint = Metrics("127.0.0.1", listener.getsockname()[1])
    metrics.count(endpoint, metrics.ROWS, 3, table="bars")
    assert listener.recv(1000) == b"tosho.rows,table=bars:3|c"
    with metrics.stage(endpoint, "load"):
        pass
    assert listener.recv(1000).startswith(b"tosho.stage_seconds,stage=load:")


def test_without_a_host_nothing_is_sent():
    metrics.count(Metrics(), metrics.ROWS, 3)


def test_a_name_that_cannot_be_resolved_stops_no_work():
    with metrics.stage(Metrics("no-such-host.invalid", 8125), "load"):
        done = True
    assert done
