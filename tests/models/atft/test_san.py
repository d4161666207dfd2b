import torch  # noqa: TID253

from planted.windows import SMALL
from tosho.models.atft.san import SliceNormalisation


def test_each_slice_has_mean_zero_and_scale_one():
    x = torch.randn(3, 12, 2) * torch.tensor([1.0, 5.0]) + 7.0
    residual = SliceNormalisation(SMALL)(x, torch.ones(3, 12, dtype=torch.bool)).residual
    sliced = residual.unflatten(1, (3, 4))
    assert sliced.mean(dim=2).abs().max() < 1e-4
    torch.testing.assert_close(sliced.std(dim=2, unbiased=False), torch.ones(3, 3, 2), rtol=1e-4, atol=1e-4)


def test_what_is_handed_on_gives_the_last_slice_back():
    x = torch.randn(3, 12, 2)
    found = SliceNormalisation(SMALL)(x, torch.ones(3, 12, dtype=torch.bool))
    mean, log_scale = found.removed[:, 0:1], found.removed[:, 1:2]
    torch.testing.assert_close(found.residual[:, -4:] * log_scale.exp() + mean, x[:, -4:])


def test_a_constant_feature_has_a_finite_residual():
    found = SliceNormalisation(SMALL)(torch.full((2, 12, 3), 4.0), torch.ones(2, 12, dtype=torch.bool))
    assert (found.residual == 0).all()
    assert torch.isfinite(found.removed).all()


def test_the_next_slice_is_learnt_from_the_window_alone():
    torch.manual_seed(0)
    san = SliceNormalisation(SMALL)
    optimiser = torch.optim.Adam(san.parameters(), lr=0.01)
    level = torch.randn(64, 1, 2)
    x = level + torch.arange(12.0).reshape(1, 12, 1) * level * 0.1
    losses = []
    for _ in range(100):
        loss = san(x, torch.ones(64, 12, dtype=torch.bool)).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.3 * losses[0]
