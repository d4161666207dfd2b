"""Chromium without a window, for tests of what a person is shown."""

import shutil
import subprocess
from dataclasses import dataclass

import numpy as np

WIDTH, HEIGHT = 1000, 1600


@dataclass(frozen=True)
class Look:
    """What became of a page: its document, what the console said, and the share of the picture that is drawn upon."""

    document: str
    console: list[str]
    drawn: float


def look(page, folder):
    """Open a file in a browser that reaches nothing but files.

    Raises:
        RuntimeError: There is no Chromium, or it did not come to an end.
    """
    from matplotlib.image import imread

    picture = folder / "page.png"
    dumped = _run(folder, page, "--dump-dom")
    _run(folder, page, f"--screenshot={picture}", f"--window-size={WIDTH},{HEIGHT}", "--hide-scrollbars")
    shown = np.round(imread(picture)[:, :, :3], 2)
    ground = shown[0, 0]  # a page's corner is empty
    said = [line for line in dumped.stderr.splitlines() if ":CONSOLE" in line]
    return Look(dumped.stdout, said, float((shown != ground).any(axis=2).mean()))


def _run(folder, page, *options):
    program = shutil.which("chromium")
    if program is None:
        raise RuntimeError("The pages are looked at in Chromium, and there is none; install it with `make setup`.")
    fixed = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
    nowhere = ["--host-resolver-rules=MAP * ~NOTFOUND", "--proxy-server=127.0.0.1:9"]
    command = [program, *fixed, *nowhere, f"--user-data-dir={folder}/profile", *options, page.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError(f"Chromium ended with {done.returncode} on {page}:\n{done.stderr[-2000:]}")
    return done
