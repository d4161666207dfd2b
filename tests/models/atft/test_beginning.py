from dataclasses import replace

import numpy as np
import pytest
import torch  # noqa: TID253

from planted.windows import SMALL, Sessions, network_of, random_session
from tosho.models.atft.batches import Span
from tosho.models.atft.beginning import begin_at_ridge
from tosho.models.atft.fan import strongest
from tosho.models.atft.settings import Schedule, SettingsError
from tosho.models.atft.training import mean_rank_ic

SCHEDULE = Schedule(direct_penalties=(0.3,))
PLACES = tuple(range(6))
HORIZONS = 4


def begun(shape=SMALL, panel=None, schedule=SCHEDULE):
    network = network_of(shape)
    begin_at_ridge(network, Span(panel or Sessions(), PLACES), None, schedule)
    return network


def weights_of(network):
    """Return the path's weights, `[horizons, seen]`."""
    return np.hstack([layer.weight.detach().numpy() for layer in network.direct.children()])


def seen_of(session, bins=SMALL.bins):
    """Return what the path sees, written anew: the own row, the mean of the neighbours', and what FAN left."""
    own = session.x[:, -1].double().numpy()
    peers = np.zeros_like(own)
    for code, (places, edges) in enumerate(zip(session.neighbours.tolist(), session.edges.tolist(), strict=True)):
        rho = {place: max(edge[0], 0.0) for place, edge in zip(places, edges, strict=True) if place >= 0}
        if sum(rho.values()) > 0:
            peers[code] = sum(r * own[place] for place, r in rho.items()) / sum(rho.values())
    left = (session.x - strongest(session.x, bins))[:, -1].double().numpy()
    return np.hstack([own, peers, left])


def plain_ridge(sessions, penalty):
    """Return a ridge's weights by numpy's least squares on rows with a row of penalty for each weight added."""
    rows = [(seen_of(s), s.target.double().numpy()) for s in sessions]
    x, y = (np.vstack([row[i] for row in rows]) for i in (0, 1))
    known = np.isfinite(y).all(axis=1)
    x, y = x[known], y[known]
    below = np.sqrt(penalty * len(x)) * np.eye(x.shape[1])
    found = np.linalg.lstsq(np.vstack([x, below]), np.vstack([y, np.zeros((x.shape[1], HORIZONS))]), rcond=None)[0]
    return found / np.sqrt(((x @ found) ** 2).mean(axis=0))


def unknown(session):
    """Blank the target of one horizon of some codes: their rows are not there to learn from."""
    target = session.target.clone()
    target[:7, 3] = torch.nan
    return session._replace(target=target)


@pytest.mark.parametrize("change", [lambda s: s, unknown], ids=["all known", "some not known yet"])
def test_the_path_begins_at_a_plain_ridge(change):
    wanted = plain_ridge([change(random_session(seed=i)) for i in PLACES], SCHEDULE.direct_penalties[0])
    np.testing.assert_allclose(weights_of(begun(panel=Sessions(change=change))), wanted.T, rtol=1e-4, atol=1e-5)


def test_a_planted_line_is_there_before_the_first_step():
    other = Span(Sessions(), tuple(range(100, 106)))
    assert mean_rank_ic(begun(), other) > mean_rank_ic(network_of(), other) + 0.4


def test_nothing_but_the_span_is_asked_for():
    panel = Sessions()
    begun(panel=panel)
    assert tuple(panel.asked) == PLACES


def test_a_code_that_is_missing_does_not_matter():
    """Rows of codes that are not there: whatever stands in them, the ridge is the one of those that are."""

    def gone(value):
        def change(session):
            x, present = session.x.clone(), session.present.clone()
            x[5:9], present[5:9] = value, False
            target = session.target.clone()
            target[5:9] = torch.nan
            return session._replace(x=x, present=present, target=target)

        return change

    first, second = (weights_of(begun(panel=Sessions(change=gone(value)))) for value in (0.0, 123.0))
    np.testing.assert_array_equal(first, second)
    assert np.abs(first - weights_of(begun())).max() > 1e-3


def test_a_harder_penalty_is_another_line_of_the_same_spread():
    soft, hard = (begun(schedule=replace(SCHEDULE, direct_penalties=(penalty,))) for penalty in (1e-6, 100.0))
    assert np.abs(weights_of(soft) - weights_of(hard)).max() > 0.01
    seen = np.vstack([seen_of(random_session(seed=i)) for i in PLACES])
    for network in (soft, hard):
        np.testing.assert_allclose((seen @ weights_of(network).T).std(axis=0), 1.0, atol=0.05)


@pytest.mark.parametrize("less", [{"direct_parts": False}, {"graph": False}, {"normalisation": "none"}])
def test_fewer_parts_begin_at_the_ridge_of_what_they_see(less):
    network = begun(replace(SMALL, **less))
    assert len(list(network.direct.children())) == (1 if "direct_parts" in less else 2)
    assert all(layer.weight.abs().sum() > 0 for layer in network.direct.children())


def test_the_rest_of_the_network_is_left_as_it_is():
    before, after = network_of().state_dict(), begun().state_dict()
    assert {n for n in before if not torch.equal(before[n], after[n])} == {n for n in before if n.startswith("direct.")}


def test_a_network_without_the_path_is_left_as_it_is():
    bare, panel = replace(SMALL, direct=False), Sessions()
    after = begun(bare, panel).state_dict()
    assert panel.asked == []
    assert all(torch.equal(values, after[name]) for name, values in network_of(bare).state_dict().items())


def test_without_a_penalty_the_path_begins_at_zero_and_asks_for_nothing():
    panel = Sessions()
    assert not weights_of(begun(panel=panel, schedule=replace(SCHEDULE, direct_penalties=()))).any()
    assert panel.asked == []


def test_without_a_known_return_the_path_begins_at_zero():
    blank = Sessions(change=lambda s: s._replace(target=torch.full_like(s.target, torch.nan)))
    assert not weights_of(begun(panel=blank)).any()


def test_a_feature_that_never_differs_has_no_weight():
    def still(session):
        session.x[..., 2] = 0.0
        return session

    found = weights_of(begun(panel=Sessions(change=still)))
    assert np.isfinite(found).all()
    np.testing.assert_array_equal(found[:, [2, 8, 14]], 0.0)


def test_it_takes_as_many_codes_as_a_step():
    few = replace(SCHEDULE, codes_per_session=10)
    assert np.abs(weights_of(begun(schedule=few)) - weights_of(begun())).max() > 1e-3
    np.testing.assert_array_equal(weights_of(begun(schedule=few)), weights_of(begun(schedule=few)))


@pytest.mark.parametrize("best", [1e-3, 30.0])
def test_the_penalty_is_that_of_the_highest_rank_ic_on_the_validation_sessions(best):
    """Returns that the line of one penalty has ordered: no other orders them as well."""
    tried = replace(SCHEDULE, direct_penalties=(1e-3, 0.3, 30.0), codes_per_session=30)
    line = weights_of(begun(schedule=replace(tried, direct_penalties=(best,))))
    panel = Sessions(change=lambda s: s._replace(returns=torch.from_numpy(seen_of(s) @ line.T)))
    network = network_of()
    validation = Span(panel, tuple(range(100, 106)))
    found = begin_at_ridge(network, Span(Sessions(), PLACES), validation, tried)
    assert found == best
    np.testing.assert_array_equal(weights_of(network), line)


def test_without_any_rank_ic_to_choose_by_the_highest_penalty_is_taken():
    nothing = Sessions(change=lambda s: s._replace(returns=torch.full_like(s.returns, torch.nan)))
    tried = replace(SCHEDULE, direct_penalties=(1e-3, 30.0, 0.3))
    assert begin_at_ridge(network_of(), Span(Sessions(), PLACES), Span(nothing, (100, 101)), tried) == 30.0


def test_several_penalties_without_validation_are_refused():
    with pytest.raises(SettingsError, match="2 penalties of the direct path's ridge were given, and no validation"):
        begun(schedule=replace(SCHEDULE, direct_penalties=(0.1, 1.0)))


def test_a_penalty_that_is_not_positive_is_refused():
    with pytest.raises(SettingsError, match="each must be positive"):
        replace(SCHEDULE, direct_penalties=(0.0,))
