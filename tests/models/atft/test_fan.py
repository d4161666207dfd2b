import numpy as np
import pytest
import torch  # noqa: TID253

from planted.windows import SMALL
from tosho.models.atft.fan import FrequencyNormalisation, strongest


@pytest.mark.parametrize("bins", [1, 3, 7])
def test_exactly_the_strongest_frequencies_are_removed(bins):
    x = torch.randn(5, 12, 4, generator=torch.Generator().manual_seed(1)) + 2.0
    rest = (x - strongest(x, bins)).numpy()
    before, after = (np.abs(np.fft.rfft(values, axis=1)) for values in (x.numpy(), rest))
    order = np.argsort(before, axis=1)
    assert np.take_along_axis(after, order[:, -bins:], axis=1).max() < 1e-4
    left = order[:, :-bins]
    np.testing.assert_allclose(np.take_along_axis(after, left, 1), np.take_along_axis(before, left, 1), atol=1e-4)


def test_a_wave_on_a_level_is_removed_whole():
    t = torch.arange(12.0)
    x = (3.0 + torch.sin(2 * torch.pi * 2 * t / 12)).reshape(1, 12, 1)
    assert (x - strongest(x, 2)).abs().max() < 1e-5


def test_window_is_residual_and_removed_part_together():
    fan = FrequencyNormalisation(SMALL)
    x = torch.randn(4, 12, 3)
    found = fan(x, torch.ones(4, 12, dtype=torch.bool))
    torch.testing.assert_close(found.residual[:, -1] + found.removed[:, 0], x[:, -1])


def test_the_continuation_of_waves_is_learnt_from_the_window_alone():
    torch.manual_seed(0)
    fan = FrequencyNormalisation(SMALL)
    optimiser = torch.optim.Adam(fan.parameters(), lr=0.01)
    t = torch.arange(15.0)
    phase = torch.rand(64, 1, 2) * 6.28
    waves = torch.sin(2 * torch.pi * t.reshape(1, 15, 1) / 6 + phase)
    x, present = waves[:, :12], torch.ones(64, 12, dtype=torch.bool)
    losses = []
    for _ in range(150):
        loss = fan(x, present).loss
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.1 * losses[0]
    ahead = fan.eval()(x, present).removed[:, 1]
    assert (ahead - waves[:, 12:].mean(dim=1)).abs().mean() < 0.15


def test_the_loss_does_not_look_at_codes_that_are_absent():
    fan = FrequencyNormalisation(SMALL)
    x, present = torch.randn(6, 12, 3), torch.ones(6, 12, dtype=torch.bool)
    present[2, -1] = False
    before = fan(x, present).loss
    x[2] = 100.0 * torch.randn(12, 3)
    torch.testing.assert_close(fan(x, present).loss, before)
