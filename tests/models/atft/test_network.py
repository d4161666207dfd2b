from dataclasses import replace

import pytest
import torch  # noqa: TID253

from planted.windows import GROUPS, SMALL, network_of, random_session
from tosho.dataset.vocabulary import SIZES
from tosho.features.sets import feature_set
from tosho.models.atft.direct import mean_of_neighbours
from tosho.models.atft.fusion import CausalAttention
from tosho.models.atft.graph import with_itself
from tosho.models.atft.groups import groups_of
from tosho.models.atft.heads import rising
from tosho.models.atft.loss import session_loss
from tosho.models.atft.network import Context, Network, parameters
from tosho.models.atft.settings import Architecture, Objective, SettingsError

SWITCHES = {
    "fan": {"normalisation": "none"},
    "san": {"normalisation": "none"},
    "selection": {"selection": False},
    "static": {"static": False},
    "recurrence": {"recurrence": False},
    "attention": {"attention": False},
    "graph": {"graph": False},
    "direct": {"direct": False},
    "direct parts": {"direct_parts": False},
}
WEIGHTS = {
    "fan": ("normalisation.", "rejoin.", "direct.weigh_residual."),
    "san": ("normalisation.", "rejoin.", "direct.weigh_residual."),
    "selection": ("selection.weigh.", "selection.embed."),
    "static": ("context.",),
    "recurrence": ("temporal.lstm.", "temporal.read."),
    "attention": ("temporal.attention.",),
    "graph": ("graph.", "direct.weigh_peers."),
    "direct": ("direct.",),
    "direct parts": ("direct.weigh_peers.", "direct.weigh_residual."),
}


def shape_with(block):
    return replace(SMALL, normalisation="san") if block == "san" else SMALL


def stepped(block):
    """A network after one step of training, with the gradients of a second session."""
    network = network_of(shape_with(block))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    for seed in (1, 2):
        session = random_session(seed=seed)
        optimiser.zero_grad()
        session_loss(network(*session.inputs), session.target, session.present[:, -1], Objective()).total.backward()
        if seed == 1:
            optimiser.step()
    return network


@pytest.mark.parametrize("shape", [Architecture(), Architecture.reduced()], ids=["full", "reduced"])
def test_every_sector_segment_and_size_of_the_vocabulary_has_a_vector(shape):
    newest = torch.tensor([[size - 1 for size in SIZES]])
    assert Context(shape)(newest).abs().sum() > 0


def test_the_default_size_has_5_6_million_weights():
    network = Network(groups_of(feature_set("core").names), Architecture())
    assert parameters(network) == pytest.approx(5_600_000, rel=0.02)


@pytest.mark.parametrize("block", SWITCHES)
def test_each_block_is_alive(block):
    network = stepped(block)
    inside = {n: w for n, w in network.named_parameters() if n.startswith(WEIGHTS[block])}
    assert inside
    dead = [name for name, weight in inside.items() if weight.grad is None or not weight.grad.abs().sum() > 0]
    assert dead == []


@pytest.mark.parametrize("block", SWITCHES)
def test_switching_a_block_off_changes_what_is_said(block):
    whole, ablated = stepped(block), network_of(replace(shape_with(block), **SWITCHES[block]))
    shared = {n: w for n, w in whole.state_dict().items() if not n.startswith(WEIGHTS[block])}
    ablated.load_state_dict(shared, strict=False)
    assert parameters(ablated) != parameters(whole)
    session = random_session(seed=4)
    with torch.no_grad():
        apart = whole.eval()(*session.inputs).scores - ablated.eval()(*session.inputs).scores
    assert apart.abs().max() > 1e-3


def put_in(network, layer, session):
    """Give a part of the direct path weights; return them, and what they add to the scores."""
    weights = torch.randn(*layer.weight.shape, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        before = network(*session.inputs).scores
        layer.weight.copy_(weights)
        return weights, network(*session.inputs).scores - before


def test_the_direct_path_adds_a_straight_line_of_the_last_session_as_it_came():
    network, session = network_of().eval(), random_session()
    weights, added = put_in(network, network.direct.weigh, session)
    torch.testing.assert_close(added, session.x[:, -1] @ weights.T)


def test_the_direct_path_adds_a_straight_line_of_the_neighbours_mean_weighted_by_correlation():
    network, session = network_of().eval(), random_session()
    session.edges[..., 0] = torch.where(session.edges[..., 0] > 0.8, -0.5, session.edges[..., 0])
    wanted = torch.zeros_like(session.x[:, -1])
    for code, (places, edges) in enumerate(zip(session.neighbours, session.edges, strict=True)):
        rho = torch.where(places >= 0, edges[:, 0].clamp(min=0), 0.0)
        wanted[code] = (rho @ session.x[places, -1]) / rho.sum() if rho.sum() > 0 else 0.0
    weights, added = put_in(network, network.direct.weigh_peers, session)
    torch.testing.assert_close(added, wanted @ weights.T, atol=1e-5, rtol=1e-4)


def test_an_absent_neighbour_has_no_part_in_the_mean_and_nobody_s_mean_is_zero():
    session = random_session(codes=4, neighbours=2)
    neighbours = torch.tensor([[1, 2], [2, -1], [-1, -1], [0, 3]])
    present = torch.tensor([True, True, False, True])
    table = with_itself(neighbours, torch.ones(4, 2, 3), present)
    last = session.x[:, -1]
    wanted = torch.stack([last[1], 0 * last[0], 0 * last[0], last[0]])  # nobody is a neighbour of itself
    torch.testing.assert_close(mean_of_neighbours(last, table), wanted)


def test_the_direct_path_adds_a_straight_line_of_what_the_normalisation_left():
    network, session = network_of().eval(), random_session()
    weights, added = put_in(network, network.direct.weigh_residual, session)
    with torch.no_grad():
        left = network.normalisation(session.x, session.present).residual[:, -1]
    torch.testing.assert_close(added, left @ weights.T, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize(
    ("less", "gone"), [({"graph": False}, "weigh_peers"), ({"normalisation": "none"}, "weigh_residual")]
)
def test_the_direct_path_sees_no_more_than_the_blocks_that_are_there(less, gone):
    assert getattr(network_of().direct, gone) is not None
    assert getattr(network_of(replace(SMALL, **less)).direct, gone) is None
    assert getattr(network_of(replace(SMALL, direct_parts=False)).direct, gone) is None


def test_every_weight_of_the_whole_network_learns():
    network = stepped("graph")
    assert [name for name, weight in network.named_parameters() if weight.grad is None] == []


def test_selection_weights_sum_to_one():
    session = random_session()
    weights = network_of()(*session.inputs).weights
    assert (weights > 0).all()
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(len(weights)))


def test_without_selection_shares_are_those_of_the_embedding():
    session = random_session()
    weights = network_of(replace(SMALL, selection=False))(*session.inputs).weights
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(len(weights)))


def test_quantiles_rise_whatever_the_numbers():
    raw = 50 * torch.randn(2000, 4, 5, generator=torch.Generator().manual_seed(0))
    assert (rising(raw).diff(dim=-1) >= 0).all()
    torch.testing.assert_close(rising(raw)[..., 2], raw[..., 2])


def test_quantiles_of_the_network_rise():
    assert (network_of()(*random_session().inputs).quantiles.diff(dim=-1) > 0).all()


def test_padding_changes_nothing():
    network, session = network_of().eval(), random_session(codes=30)
    x, present, static, neighbours, edges = session.inputs
    padded = (
        torch.cat([x, torch.randn(9, *x.shape[1:])]),
        torch.cat([present, torch.zeros(9, present.shape[1], dtype=torch.bool)]),
        torch.cat([static, static[:9]]),
        torch.cat([torch.where(neighbours < 0, 33, neighbours), torch.full((9, neighbours.shape[1]), 2)]),
        torch.cat([edges, edges[:9]]),
    )
    with torch.no_grad():
        torch.testing.assert_close(network(*padded).scores[:30], network(*session.inputs).scores)


def test_what_stands_in_an_absent_session_changes_nothing():
    network, session = network_of(), random_session()
    other = session._replace(x=torch.where(session.present.unsqueeze(-1), session.x, 123.0))
    assert not torch.equal(other.x, session.x)
    for ours, theirs in zip(network(*session.inputs), network(*other.inputs), strict=True):
        assert torch.equal(ours, theirs)


def test_attention_sees_nothing_later():
    torch.manual_seed(0)
    layer = CausalAttention(SMALL).eval()
    states, present = torch.randn(5, 12, 16), torch.ones(5, 12, dtype=torch.bool)
    before = layer(states, states, present)
    states[:, 7:] += 3.0
    after = layer(states, states, present)
    torch.testing.assert_close(after[:, :7], before[:, :7])
    assert (after[:, 7:] - before[:, 7:]).abs().max() > 0.1


def test_the_last_step_alone_asks_as_in_the_whole():
    layer = CausalAttention(SMALL).eval()
    states, present = torch.randn(5, 12, 16), torch.rand(5, 12) > 0.3
    torch.testing.assert_close(layer(states[:, -1:], states, present)[:, -1], layer(states, states, present)[:, -1])


def test_several_layers_of_attention_give_finite_scores_to_a_code_listed_today():
    network, session = network_of(replace(SMALL, attention_layers=3)), random_session()
    session.present[0, :-1] = False
    assert torch.isfinite(network(*session.inputs).scores).all()


def test_both_graph_paths_give_the_same_scores():
    session, outputs = random_session(), []
    for path in ("table", "edges"):
        with torch.no_grad():
            outputs.append(network_of(replace(SMALL, graph_path=path)).eval()(*session.inputs).scores)
    torch.testing.assert_close(*outputs, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"width": 18}, "The width is 18, with 4 attention heads"),
        ({"bins": 6}, "FAN removes 6 frequencies of a window of 12 sessions"),
        ({"slice_length": 5}, "A window of 12 sessions is not two or more whole slices of 5"),
        ({"graph_layers": 0}, "switch it off instead"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(wrong, sentence):
    with pytest.raises(SettingsError, match=sentence):
        replace(SMALL, **wrong)


def test_groups_hold_every_feature_once():
    names = feature_set("core").names
    groups = groups_of((*names, "not in the catalogue"))
    assert sorted(place for group in groups for place in group) == list(range(len(names) + 1))
    assert groups[-1] == (len(names),)
    assert sum(map(len, GROUPS)) == 6
