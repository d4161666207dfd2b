import os
import subprocess
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "make_env.sh"


def make(file, **environment):
    environment = {"PATH": os.environ["PATH"], **environment}
    return subprocess.run([SCRIPT, file], check=False, capture_output=True, text=True, env=environment)


def values(file):
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def made(tmp_path):
    assert make(tmp_path / ".env").returncode == 0
    return tmp_path / ".env"


def test_only_its_owner_reads_it(made):
    assert made.stat().st_mode & 0o777 == 0o600


def test_secrets_are_long_random_and_not_said(tmp_path):
    (tmp_path / "other").mkdir()
    said = make(tmp_path / ".env")
    make(tmp_path / "other" / ".env")
    one, two = values(tmp_path / ".env"), values(tmp_path / "other" / ".env")
    secrets = {name for name in one if name.endswith(("PASSWORD", "SECRET", "FERNET_KEY", "SECRET_KEY"))}
    assert len(secrets) == 8
    assert all(len(one[name]) >= 32 and one[name] != two[name] for name in secrets)
    assert not any(one[name] in said.stdout + said.stderr for name in secrets)


def test_the_fernet_key_is_one(made):
    key = Fernet(values(made)["AIRFLOW_FERNET_KEY"].encode())
    assert key.decrypt(key.encrypt(b"text")) == b"text"


def test_an_existing_file_stays(made):
    before = made.read_bytes()
    again = make(made)
    assert (again.returncode, made.read_bytes()) == (0, before)
    assert "stays as it is" in again.stdout


def test_an_existing_file_that_lacks_a_name_is_said(made):
    kept = [line for line in made.read_text().splitlines() if not line.startswith("MINIO_ROOT_PASSWORD")]
    made.write_text("\n".join(kept) + "\n")
    again = make(made)
    assert (again.returncode, made.read_text().splitlines()) == (1, kept)
    assert again.stderr.strip().endswith("lacks: MINIO_ROOT_PASSWORD")


def test_nothing_else_is_left_in_the_folder(made):
    make(made)
    assert {path.name for path in made.parent.iterdir()} == {".env", ".tosho"}


def test_the_key_of_j_quants_is_taken_over(tmp_path):
    make(tmp_path / ".env", JQUANTS_API_KEY="given")
    assert values(tmp_path / ".env")["JQUANTS_API_KEY"] == "given"


def test_airflow_does_not_run_as_root(made):
    assert int(values(made)["AIRFLOW_UID"]) > 0
    assert Path(values(made)["TOSHO_HOME"]).stat().st_uid == int(values(made)["AIRFLOW_UID"])
