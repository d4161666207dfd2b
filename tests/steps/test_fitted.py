import json
from dataclasses import dataclass, field

import pytest

from planted.market import QUICK, draw, samples
from tosho.dataset.splits import WalkForward
from tosho.models.base import Fitted
from tosho.models.walk import Walked
from tosho.steps.fitted import FittedOutsideError, audit

MARKET = samples(draw(codes=30, length=190))
(FOLD, *_) = WalkForward().fitted(len(MARKET.sessions)).folds(MARKET.sessions)
WHOLE = MARKET.sessions[0], MARKET.sessions[-1]


@dataclass
class Scaled:
    scalers: dict = field(default_factory=dict)


def record(of_the_fold, final=None):
    return audit([Walked(FOLD, of_the_fold, None, None)], final or Scaled(), WHOLE)


def test_the_record_names_the_sessions_of_each_scaler():
    scaled = Scaled({"means of features": Fitted(FOLD.train.first, FOLD.train.last)})
    (fold,) = record(scaled)["folds"]
    days = [FOLD.train.first.isoformat(), FOLD.train.last.isoformat()]
    assert fold["weights"] == days
    assert fold["scalers"] == {"means of features": days}
    assert fold["early_stopping"] == [FOLD.validation.first.isoformat(), FOLD.validation.last.isoformat()]


@pytest.mark.parametrize("reaches", ["before", "after"])
def test_a_scaler_that_saw_other_sessions_than_the_training_is_refused(reaches):
    first, last = FOLD.train.first, FOLD.train.last
    wrong = Fitted(first.replace(year=1999), last) if reaches == "before" else Fitted(first, FOLD.validation.first)
    with pytest.raises(FittedOutsideError, match=r"In fold 1, limits was fitted on .* the training span is"):
        record(Scaled({"limits": wrong}))
    with pytest.raises(FittedOutsideError, match="In the final model, limits"):
        record(Scaled(), Scaled({"limits": Fitted(WHOLE[0], WHOLE[1].replace(year=2030))}))


def test_lightgbm_has_no_scaler_and_the_record_says_so():
    train = MARKET.between(FOLD.train.first, FOLD.train.last)
    validation = MARKET.between(FOLD.validation.first, FOLD.validation.last)
    model = QUICK.brief().fit(train, validation, lambda _: None)
    told = record(model, model)
    assert told["folds"][0]["scalers"] == told["final"]["scalers"] == "none: the model takes features as they are"
    assert json.loads(json.dumps(told)) == told
