"""Checkpoints: a training that was killed goes on where it was, to the same bits on a processor."""

from __future__ import annotations

import os
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch  # noqa: TID253 - models/atft is torch's door


class CheckpointError(ValueError):
    """A checkpoint cannot be read."""


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    torch.save(state, unfinished)
    unfinished.replace(path)


def load(path: Path) -> dict[str, Any] | None:
    """Return the last checkpoint, or None where there is none yet. Nothing in it is run as code.

    Raises:
        CheckpointError: The file is not a checkpoint.
    """
    if not path.is_file():
        return None
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except (UnpicklingError, RuntimeError, EOFError, ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"The checkpoint {path.name} in {path.parent} cannot be read ({type(error).__name__}). Remove it, and "
            "training begins anew."
        ) from error


def draws(device: torch.device) -> dict[str, torch.Tensor]:
    """Return where torch's random numbers stand, on the processor and on the device."""
    found = {"cpu": torch.get_rng_state()}
    return found | ({"cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else {})


def draw_on(states: dict[str, torch.Tensor], device: torch.device) -> None:
    """Go on drawing from where `draws` found it."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
