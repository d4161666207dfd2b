import pytest
import torch  # noqa: TID253

from planted.windows import random_session
from tosho.models.atft.drawing import drawn


@pytest.fixture
def session():
    found = random_session(codes=40, seed=2)
    found.present[5:9, -1] = False
    return found


def rows_of(session, part):
    """Return which rows of a session those of a part are."""
    return [int((session.x == x).all(dim=(1, 2)).nonzero()[0]) for x in part.x]


def test_every_field_is_of_the_same_codes_in_their_order(session):
    part = drawn(session, 12, [1])
    rows = rows_of(session, part)
    assert len(rows) == 12
    assert rows == sorted(set(rows))
    for name in ("present", "static", "edges", "target", "returns"):
        assert torch.equal(getattr(part, name), getattr(session, name)[rows]), name


def test_neighbours_are_the_same_codes_or_none(session):
    part = drawn(session, 20, [1])
    rows = rows_of(session, part)
    for row, linked in zip(rows, part.neighbours, strict=True):
        for before, after in zip(session.neighbours[row].tolist(), linked.tolist(), strict=True):
            assert after == (rows.index(before) if before in rows else -1)


def test_most_codes_come_with_neighbours(session):
    linked = [(drawn(session, 12, [seed]).neighbours >= 0).any(dim=1).float().mean() for seed in range(20)]
    assert min(linked) > 0.2
    assert sum(linked) / 20 > 0.6


def test_only_codes_of_the_session_are_drawn(session):
    for seed in range(20):
        assert drawn(session, 30, [seed]).present[:, -1].all()


def test_each_code_has_its_turn(session):
    seen = {row for seed in range(60) for row in rows_of(session, drawn(session, 12, [seed]))}
    assert seen == set(range(40)) - set(range(5, 9))


def test_the_same_seed_gives_the_same_codes(session):
    first, again, other = (drawn(session, 12, seed) for seed in ([1, 2], [1, 2], [1, 3]))
    assert torch.equal(first.x, again.x)
    assert not torch.equal(first.x, other.x)


@pytest.mark.parametrize("most", [None, 36, 100])
def test_a_session_of_no_more_codes_stays_whole(session, most):
    assert drawn(session, most, [1]) is session
