"""Whether this image can train: `healthy.py` imports what training imports, and learns from a handful of rows.

Prints one line of JSON; exit status 0 where every kind that the image is made for took a step.
"""

from __future__ import annotations

import sys

import job


def main() -> int:
    """Take one step and return the exit status."""
    return job.run(_step)


def _step() -> dict[str, object]:
    from tosho.steps.health import one_step  # noqa: PLC0415 - after the signal is handled: the imports take seconds

    return one_step()


if __name__ == "__main__":
    sys.exit(main())
