"""Times the training of ATFT-GAT-FAN on a drawn panel: `make bench-train` (or `python -m bench.train --help`).

    samples a second · share of the device's arithmetic that the model uses · peak memory · how busy a GPU was

A sample is one code's window in one session, learnt from once. Steps are those of a real training: gather, forward,
losses, backward, clip, AdamW, average, watchdog. With a GPU the size is 4,000 codes x 500 sessions x 200 features and
the network is the full one; without one both are reduced. The file says which, and on what device.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import date
from pathlib import Path
from statistics import median
from typing import get_args

import numpy as np
import torch  # noqa: TID253 - what is measured is torch's work

from bench.machine import facts
from tosho.calendar import offset, sessions
from tosho.contracts import HORIZONS
from tosho.dataset.graph import weeks_of
from tosho.dataset.panel_files import PanelManifest
from tosho.dataset.samples import Columns
from tosho.dataset.tensors import Panel, PanelBatch
from tosho.models.atft import training
from tosho.models.atft.batches import Span
from tosho.models.atft.loss import session_loss
from tosho.models.atft.network import Network, parameters
from tosho.models.atft.selection import Groups
from tosho.models.atft.settings import Architecture, Objective, Schedule, Size, Watch

OUT = Path(__file__).parent / "train.json"
LAST = date(2025, 3, 31)
WARM_UP = 3  # steps before the clock counts: allocations, and a compiled network's compilation
FAMILY = 16  # features in a group, about what a family of the catalogue has
_MATMUL = {"cpu": 1_536, "cuda": 8_192}


@dataclass(frozen=True)
class Case:
    """What is measured."""

    codes: int
    sessions: int
    features: int
    steps: int
    shape: Architecture
    schedule: Schedule


def main(arguments: list[str] | None = None) -> int:
    """Measure, write the file, and return the exit status."""
    asked = _asked(arguments)
    case = _case(asked)
    told = measured(case) | {"machine": facts(), "shape": asdict(case.shape)}
    asked.out.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(
        json.dumps({name: value for name, value in told.items() if name not in ("shape", "machine")}) + "\n"
    )
    return 0


def measured(case: Case) -> dict[str, object]:
    """Return the figures of a case."""
    device = training.device_of(case.schedule)
    groups = groups_of(case.features)
    panel = _Clocked(drawn(case, device))
    torch.manual_seed(case.schedule.seed)
    network = Network(groups, case.shape)
    span = Span(panel, tuple(range(case.shape.window - 1, case.sessions)))
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    busy = _Busy() if device.type == "cuda" else None
    with busy or nullcontext():
        training.train(network, span, None, (Objective(), case.schedule, Watch(floor=1e-9)), lambda _: None)
    panel.clock.append(time.perf_counter())
    seconds = median(np.diff(panel.clock)[WARM_UP:])
    work = flops(groups, case.shape, case.codes)
    peak = peak_flops(device, case.schedule)
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "precision": "bfloat16" if device.type == "cuda" and case.schedule.bf16 else "float32",
        "threads": case.schedule.threads,
        "torch": torch.__version__,
        "panel": [case.codes, case.sessions, case.features],
        "parameters": parameters(network),
        "steps": case.steps,
        "seconds_a_step": seconds,
        "samples_a_second": case.codes / seconds,
        "gflop_a_step": work / 1e9,
        "gflop_a_second": work / seconds / 1e9,
        "matmul_gflop_a_second": peak / 1e9,
        "flop_utilisation": work / seconds / peak,
        "peak_memory_mib": _memory(device) / 2**20,
        "gpu_busy": busy.mean() if busy else None,
    }


def flops(groups: Groups, shape: Architecture, codes: int) -> float:
    """Return the floating point operations of one step, forward and backward, a multiplication and an addition two.

    Matrix products are counted as torch calls them; the LSTM's, which are one call, by its formula.
    """
    from torch.utils.flop_counter import FlopCounterMode

    network = Network(groups, replace(shape, recurrence=False, graph_path="table"))
    batch = drawn(Case(codes, shape.window, sum(map(len, groups)), 0, shape, Schedule()), torch.device("cpu")).batch(
        shape.window - 1, shape.window
    )
    with FlopCounterMode(display=False) as counter:
        output = training.apply(network, batch)
        session_loss(output, batch.target, batch.present[:, -1], Objective()).total.backward()
    by_step = shape.recurrent_layers * 8 * shape.width**2 + 2 * shape.width**2  # gates of input and state; `read`
    recurrent = 3 * 2 * codes * shape.window * by_step if shape.recurrence else 0
    return float(counter.get_total_flops() + recurrent)


def peak_flops(device: torch.device, schedule: Schedule) -> float:
    """Return the operations a second of a large matrix product here, in the precision that is trained in."""
    half = device.type == "cuda" and schedule.bf16
    size = _MATMUL[device.type]
    with training.threads(schedule.threads):
        a = torch.randn(size, size, device=device, dtype=torch.bfloat16 if half else torch.float32)
        times = []
        for _ in range(5):
            _settle(device)
            began = time.perf_counter()
            a @ a
            _settle(device)
            times.append(time.perf_counter() - began)
    return 2 * size**3 / min(times)


def groups_of(features: int) -> Groups:
    """Return groups of consecutive features."""
    return tuple(tuple(range(i, min(i + FAMILY, features))) for i in range(0, features, FAMILY))


def drawn(case: Case, device: torch.device) -> Panel:
    """Return a panel of random numbers on a device: every code is in every session and has 24 neighbours."""
    days = tuple(sessions(offset(LAST, 1 - case.sessions), LAST))
    half = device.type == "cuda" and case.schedule.bf16
    degree = min(24, case.codes - 1)
    weeks, codes = weeks_of(days), case.codes
    columns = Columns("drawn", 1, tuple(f"f{i}" for i in range(case.features)))
    manifest = PanelManifest(
        columns, days, tuple(f"{1000 + i}0" for i in range(codes)), weeks, HORIZONS, degree,
        "bfloat16" if half else "float32",
    )  # fmt: skip
    draw = torch.Generator(device).manual_seed(1)
    features = torch.randn(len(days), codes, case.features, generator=draw, device=device)
    targets = torch.randn(len(days), codes, len(HORIZONS), generator=draw, device=device).clamp(-3, 3)
    ahead = torch.arange(1, degree + 1, device=device)
    neighbours = ((torch.arange(codes, device=device)[:, None] + ahead) % codes).expand(len(weeks), -1, -1)
    edges = torch.rand(len(weeks), codes, degree, 3, generator=draw, device=device)
    return Panel(
        manifest,
        features.bfloat16() if half else features,
        torch.ones(len(days), codes, dtype=torch.uint8, device=device),
        0.01 * targets,
        targets,
        torch.ones(len(days), codes, 3, dtype=torch.uint8, device=device),
        neighbours.int().contiguous(),
        edges,
    )


class _Clocked:
    """A panel that notes when each batch is asked for: a step ends where the next begins."""

    def __init__(self, panel: Panel) -> None:
        self._panel, self.clock = panel, []

    def batch(self, i: int, length: int) -> PanelBatch:
        _settle(self._panel.device)
        self.clock.append(time.perf_counter())
        return self._panel.batch(i, length)


class _Busy:
    """Asks the driver every half second for which share of the time before a kernel was running."""

    def __init__(self) -> None:
        self._shares, self._end = [], threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def mean(self) -> float | None:
        """Return the mean share while training ran; None where the driver says nothing."""
        known = self._shares[1:-1]
        return sum(known) / len(known) / 100 if known else None

    def _watch(self) -> None:
        ask = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while not self._end.wait(0.5):
            told = subprocess.run(ask, check=False, capture_output=True, text=True)
            if told.returncode == 0:
                self._shares.append(float(told.stdout.split()[0]))


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _memory(device: torch.device) -> float:
    if device.type == "cuda":
        return float(torch.cuda.max_memory_allocated(device))
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)


def _case(asked: argparse.Namespace) -> Case:
    there = training.device_of(Schedule(device=asked.device)).type == "cuda"
    full = asked.size == "full" or (asked.size == "auto" and there)
    codes, days, features = asked.panel or ((4_000, 500, 200) if there else (500, 60, 200))
    shape = Architecture() if full else Architecture.reduced()
    steps = min(asked.steps or days, days - shape.window + 1)
    schedule = Schedule(
        epochs=1, sessions_per_epoch=steps, device=asked.device, threads=asked.threads, compiled=asked.compiled
    )
    return Case(codes, days, features, steps, shape, schedule)


def _asked(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bench.train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="auto takes a GPU if any")
    parser.add_argument("--size", choices=get_args(Size), default="auto", help="of the network")
    parser.add_argument("--panel", type=_panel, help="CODESxSESSIONSxFEATURES; 4000x500x200, on processors 500x60x200")
    parser.add_argument("--steps", type=int, help="sessions learnt from; all if left out")
    parser.add_argument("--threads", type=int, default=2, help="on processors")
    parser.add_argument("--compiled", action="store_true", help="let torch.compile fuse kernels")
    parser.add_argument("--out", type=Path, default=OUT, help="where the figures go")
    return parser.parse_args(arguments)


def _panel(text: str) -> tuple[int, ...]:
    sizes = tuple(int(part) for part in text.split("x"))
    if len(sizes) != 3 or min(sizes) < 1:  # noqa: PLR2004 - codes, sessions, features
        raise argparse.ArgumentTypeError(f"{text!r} is not CODESxSESSIONSxFEATURES, such as 500x60x200.")
    return sizes


if __name__ == "__main__":
    sys.exit(main())
