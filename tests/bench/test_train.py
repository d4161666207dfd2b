import json

import pytest
import torch  # noqa: TID253
from bench.train import Case, drawn, flops, groups_of, main

from tosho.models.atft.settings import Architecture, Schedule

SMALL = Architecture.reduced()


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    out = tmp_path_factory.mktemp("bench") / "train.json"
    small = ["--device", "cpu", "--panel", "30x24x20", "--steps", "8", "--threads", "1", "--out", str(out)]
    assert main(small) == 0
    return json.loads(out.read_text())


def test_the_file_says_on_what_and_at_which_size(told):
    assert (told["device"], told["precision"], told["panel"]) == ("cpu", "float32", [30, 24, 20])
    assert told["shape"]["width"] == SMALL.width
    assert told["gpu_busy"] is None


def test_figures_fit_each_other(told):
    assert told["samples_a_second"] == pytest.approx(30 / told["seconds_a_step"])
    assert told["gflop_a_second"] == pytest.approx(told["gflop_a_step"] / told["seconds_a_step"])
    assert 0 < told["flop_utilisation"] < 1
    assert told["peak_memory_mib"] > 0


def test_work_grows_with_the_codes():
    groups = groups_of(20)
    assert flops(groups, SMALL, 80) == pytest.approx(2 * flops(groups, SMALL, 40), rel=0.1)


def test_a_product_counts_twice_forward_and_twice_as_much_backward():
    """The whole network does at least its weights' products: 6 operations a weight, code and step."""
    groups = groups_of(20)
    inside = 8 * SMALL.width**2  # the LSTM alone
    assert flops(groups, SMALL, 40) > 6 * inside * 40 * SMALL.window


def test_a_drawn_panel_is_sound():
    panel = drawn(Case(40, 24, 20, 0, SMALL, Schedule()), torch.device("cpu"))
    panel.batch(20, SMALL.window).check()


def test_a_panel_of_two_numbers_is_refused(capsys):
    with pytest.raises(SystemExit):
        main(["--panel", "30x24"])
    assert "is not CODESxSESSIONSxFEATURES" in capsys.readouterr().err
