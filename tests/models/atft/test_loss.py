from dataclasses import replace

import numpy as np
import pytest
import torch  # noqa: TID253
from scipy.stats import rankdata, spearmanr

from tosho.models.atft.heads import rising
from tosho.models.atft.loss import pinball, ranks, session_loss
from tosho.models.atft.network import Output
from tosho.models.atft.settings import QUANTILES, Objective

HERE = torch.ones(60, dtype=torch.bool)


def drawn(seed=0):
    g = torch.Generator().manual_seed(seed)
    target, noise = torch.randn(60, 4, generator=g), torch.randn(60, 4, generator=g)
    return target, noise, rising(torch.randn(60, 4, 5, generator=g))


def said(scores, quantiles):
    return Output(scores, quantiles, torch.zeros(60, 1), torch.zeros(()))


@pytest.mark.parametrize("order", ["rank_ic", "pearson"])
def test_a_better_order_has_a_lower_loss(order):
    target, noise, quantiles = drawn()
    objective = Objective(order=order, scale_weight=0.0)
    losses = [
        float(session_loss(said(share * target + (1 - share) * noise, quantiles), target, HERE, objective).total)
        for share in (0.0, 0.3, 0.6, 1.0)
    ]
    assert losses == sorted(losses, reverse=True)
    assert losses[0] - losses[-1] > 0.5


def test_sharp_soft_ranks_give_the_rank_ic():
    target, noise, quantiles = drawn()
    scores = target + noise
    found = session_loss(said(scores, quantiles), target, HERE, Objective(temperature=1e-3)).correlation
    wanted = [spearmanr(scores[:, i], target[:, i]).statistic for i in range(4)]
    np.testing.assert_allclose(found.numpy(), wanted, atol=0.01)


def test_ranks_share_ties_and_pass_over_the_unknown():
    values = torch.tensor([[2.0], [1.0], [9.0], [2.0], [5.0]])
    known = torch.tensor([[True], [True], [False], [True], [True]])
    np.testing.assert_array_equal(ranks(values, known)[known].numpy(), rankdata([2.0, 1.0, 2.0, 5.0]) - 1)


def test_the_order_of_scores_is_what_the_gradient_improves():
    target, noise, quantiles = drawn()
    scores = noise.clone().requires_grad_()
    objective = Objective(quantile_weight=0.0, scale_weight=0.0)
    before = session_loss(said(scores, quantiles), target, HERE, objective)
    before.total.backward()
    after = session_loss(said(scores - 10 * scores.grad, quantiles), target, HERE, objective)
    assert (after.correlation > before.correlation).all()


@pytest.mark.parametrize("order", ["rank_ic", "pearson"])
def test_what_is_not_known_or_not_present_changes_neither_loss_nor_gradient(order):
    target, noise, quantiles = drawn()
    target[:5, 0], here = torch.nan, HERE.clone()
    here[50:] = False

    def loss_of(scores, target):
        scores = scores.clone().requires_grad_()
        loss = session_loss(said(scores, quantiles), target, here, Objective(order=order)).total
        return loss.detach(), *torch.autograd.grad(loss, scores)

    loss, gradient = loss_of(noise, target)
    other, others_target = noise.clone(), target.clone()
    other[:5, 0], other[50:], others_target[50:] = 77.0, -5.0, 3.0
    changed, other_gradient = loss_of(other, others_target)
    assert torch.isfinite(gradient).all()
    assert (gradient[:5, 0] == 0).all()
    assert (gradient[50:] == 0).all()
    torch.testing.assert_close(changed, loss)
    torch.testing.assert_close(other_gradient[:50, 1:], gradient[:50, 1:])


def test_a_horizon_with_few_labels_weighs_nothing():
    target, noise, quantiles = drawn()
    target[19:, 3] = torch.nan
    found = session_loss(said(noise, quantiles), target, HERE, Objective())
    assert torch.isnan(found.spread).tolist() == [False, False, False, True]
    without = session_loss(said(noise, quantiles), target, HERE, Objective(horizon_weights=(1.0, 1.0, 1.0, 0.0)))
    torch.testing.assert_close(found.total, without.total)


def test_horizons_count_by_their_weights():
    target, noise, quantiles = drawn()
    alone = [
        session_loss(said(noise, quantiles), target, HERE, Objective(horizon_weights=weights)).total
        for weights in ((1.0, 0.0, 0.0, 0.0), (0.0, 1.0, 0.0, 0.0))
    ]
    both = session_loss(said(noise, quantiles), target, HERE, Objective(horizon_weights=(3.0, 1.0, 0.0, 0.0))).total
    torch.testing.assert_close(both, (3 * alone[0] + alone[1]) / 4)


def test_normalisation_loss_is_added_by_its_weight():
    target, noise, quantiles = drawn()
    output = said(noise, quantiles)
    more = output._replace(normalisation_loss=torch.tensor(2.0))
    losses = [session_loss(each, target, HERE, Objective(normalisation_weight=0.5)).total for each in (output, more)]
    torch.testing.assert_close(losses[1] - losses[0], torch.tensor(1.0))


def test_scores_of_any_spread_are_drawn_to_one():
    target, noise, quantiles = drawn()
    objective = replace(Objective(), scale_weight=1.0)
    losses = [float(session_loss(said(k * noise, quantiles), target, HERE, objective).total) for k in (0.1, 1.0, 4.0)]
    assert losses[1] < min(losses[0], losses[2])


def test_pinball_is_least_at_the_quantiles_themselves():
    g = torch.Generator().manual_seed(0)
    target = torch.randn(4000, 1, generator=g)
    known = torch.ones_like(target, dtype=torch.bool)
    truth = torch.quantile(target[:, 0], torch.tensor(QUANTILES)).expand(4000, 1, 5)
    best = pinball(truth, target, known)
    for shift in (-0.2, 0.2):
        assert pinball(truth + shift, target, known) > best
