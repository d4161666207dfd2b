import pytest
import torch  # noqa: TID253
from torch_geometric.nn import GATv2Conv

from planted.windows import random_session
from tosho.models.atft.graph import by_edges, by_table, with_itself


@pytest.fixture
def layer():
    torch.manual_seed(0)
    found = GATv2Conv(16, 4, 4, edge_dim=3, add_self_loops=False)
    torch.nn.init.normal_(found.bias)
    return found


@pytest.fixture
def table():
    session = random_session(codes=50, seed=3)
    present = torch.ones(50, dtype=torch.bool)
    present[::7] = False
    return with_itself(session.neighbours, session.edges, present)


def test_the_table_equals_torch_geometric(layer, table):
    x = torch.randn(50, 16)
    torch.testing.assert_close(by_table(layer, x, table), by_edges(layer, x, table), rtol=0, atol=1e-5)


def test_their_gradients_are_equal_too(layer, table):
    x = torch.randn(50, 16)
    found = []
    for path in (by_table, by_edges):
        loss = path(layer, x, table).square().sum()
        found.append(torch.autograd.grad(loss, list(layer.parameters())))
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_code_without_neighbours_attends_to_itself(layer):
    none = torch.full((3, 2), -1)
    table = with_itself(none, torch.zeros(3, 2, 3), torch.ones(3, dtype=torch.bool))
    x = torch.randn(3, 16)
    torch.testing.assert_close(by_table(layer, x, table), layer.lin_l(x) + layer.bias)


def test_an_absent_neighbour_says_nothing(layer):
    neighbours = torch.tensor([[1, 2], [0, 2], [0, 1]])
    present = torch.tensor([True, True, False])
    table = with_itself(neighbours, torch.ones(3, 2, 3), present)
    x = torch.randn(3, 16)
    before = by_table(layer, x, table)
    x[2] = 99.0
    torch.testing.assert_close(by_table(layer, x, table)[:2], before[:2])


def test_edges_count(layer, table):
    x = torch.randn(50, 16)
    other = table._replace(edges=table.edges.flip(0))
    assert (by_table(layer, x, table) - by_table(layer, x, other)).abs().max() > 1e-3
