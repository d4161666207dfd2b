"""The bench on a tiny market: no time is asserted, only that everything is told."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from parity import market

ROOT = Path(__file__).parents[2]
CODES, SESSIONS = 8, 12


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the bench wrote of a lake that is there, by the local engine."""
    home, out = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("out")
    market.publish(home, SESSIONS, codes=CODES)
    (home / "lake.json").write_text('{"plans": ["light"]}')
    asked = ["--codes", str(CODES), "--sessions", str(SESSIONS), "--sets", "core", "--parts", "local", "--no-growth"]
    command = [sys.executable, "-m", "bench", *asked, "--home", str(home), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "include")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return home, json.loads((out / "results.json").read_text()), (out / "results.html").read_text()


def test_tells_rows_cells_wall_cpu_and_memory_of_all_processes(found):
    _, told, _ = found
    local = told["entries"]["local/core"]

    assert local["sessions"] == SESSIONS
    assert local["cells"] == local["rows"] * local["features"] > 0
    assert 0 < local["work_s"] < local["wall_s"]
    assert 0 < local["work_cpu_s"] < local["cpu_s"]
    assert local["peak_mib"] > 100  # one Python with Polars has more


def test_of_turns_the_shortest_of_either_side_counts(found):
    _, told, _ = found
    local, floor = (told["entries"][f"{part}/core"] for part in ("local", "floor"))

    assert len(local["each_work_s"]) == len(floor["each_floor_s"]) == 2
    assert local["work_s"] == min(local["each_work_s"])
    assert floor["floor_s"] == min(floor["each_floor_s"])
    assert told["ratios"][0]["value"] == pytest.approx(local["work_s"] / floor["floor_s"], rel=1e-3)


def test_the_floor_wrote_what_the_engine_wrote(found):
    _, told, _ = found
    entries = told["entries"]

    assert entries["floor/core"]["rows"] == entries["local/core"]["rows"]
    assert entries["floor/core"]["mib"] > 0  # in another encoding, of another size


def test_the_floor_is_encoding_and_writing_alone(found):
    _, told, _ = found
    floor = told["entries"]["floor/core"]

    steps = {name: floor[name] for name in ("encode_s", "write_s", "sync_s")}
    assert floor["floor_s"] == pytest.approx(sum(steps.values()), abs=0.002)
    assert floor["floor_unsynced_s"] == pytest.approx(steps["encode_s"] + steps["write_s"], abs=0.002)
    own = floor["own_encode_s"] + steps["write_s"] + steps["sync_s"]
    assert floor["own_floor_s"] == pytest.approx(own, abs=0.002)


def test_ratios_stand_beside_their_bounds(found):
    _, told, _ = found
    over = told["ratios"][0]

    assert over["name"] == "core: local engine over the floor"
    assert over["bound"] == "at most 2.5"
    assert over["holds"] == (over["value"] <= 2.5)


def test_the_page_shows_them_and_stands_alone(found):
    _, told, page = found

    assert "core: local engine over the floor" in page
    assert told["machine"]["polars"] in page
    assert "<svg" in page
    assert "src=" not in page


def test_what_was_made_is_removed_and_the_lake_stays(found):
    home, _, _ = found

    assert not (home / "made").exists()
    assert len(list((home / "lake/tables/bars").iterdir())) == SESSIONS
