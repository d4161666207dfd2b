"""A real Docker daemon of the tests' own, with the training image in it.

It has its own socket, state and data, touches no network of the machine (`--bridge=none`, no iptables) and is ended
by its process id. Its data stay in the test cache, so that an image is built once and later runs reuse its layers.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from docker import APIClient
from docker.errors import APIError, DockerException, ImageNotFound

PROJECT = Path(__file__).resolve().parents[2]
BASE, IMAGE = "tosho-test-base:bookworm", "tosho-train:test"
SLOTS = 4
"""As many test sessions may run beside each other: each takes a folder of data that no other holds."""


@dataclass(frozen=True)
class Daemon:
    """A running daemon: its address, its process, and the file it logs to."""

    url: str
    pid: int
    log: Path

    def client(self) -> APIClient:
        return APIClient(base_url=self.url, timeout=60)


def cache_folder() -> Path:
    """Return the folder that outlives a test session; `TOSHO_TEST_CACHE` names it."""
    folder = Path(os.environ.get("TOSHO_TEST_CACHE") or PROJECT / ".tosho" / "test-cache")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def running() -> Iterator[Daemon]:
    """Start a daemon and end it with everything that it runs.

    Raises:
        RuntimeError: It cannot start: not root, not installed, or a fault that its log names.
    """
    if os.geteuid() != 0:
        raise RuntimeError("The container tests start a Docker daemon, which needs root; run them as root.")
    folder = Path(tempfile.mkdtemp(prefix="tosho-docker-"))  # a socket's path must be short
    log = folder / "dockerd.log"
    data, lock = _slot()
    try:
        process = _start(folder, data, lock, log)
        try:
            yield _answering(process, Daemon(f"unix://{folder}/docker.sock", process.pid, log))
        finally:
            _end(process, data, folder)
    finally:
        os.close(lock)
        shutil.rmtree(folder, ignore_errors=True)


def train_image(daemon: Daemon) -> str:
    """Build the training image with the project's own script, on a Debian base made here, and return its name."""
    client = daemon.client()
    before = _image_id(client, IMAGE)
    if not _image_id(client, BASE):
        client.import_image(src=str(_base_tar()), repository=BASE.partition(":")[0], tag=BASE.partition(":")[2])
    environment = {**os.environ, "DOCKER_HOST": daemon.url, "BASE": BASE, "BUILD_NETWORK": "host"}
    built = subprocess.run(
        [PROJECT / "deploy/images/build.sh", "train", IMAGE],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode:
        raise RuntimeError(f"The training image cannot be built:\n{(built.stdout + built.stderr)[-3000:]}")
    if before and before != _image_id(client, IMAGE):
        with suppress(APIError):  # its own top layers; those it shares stay, and so does one still in use
            client.remove_image(before)
    return IMAGE


def _slot() -> tuple[Path, int]:
    for number in range(SLOTS):
        data = cache_folder() / f"docker-{number}"
        lock = os.open(f"{data}.lock", os.O_CREAT | os.O_RDWR)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return data, lock
    raise RuntimeError(
        f"All {SLOTS} Docker data folders in {cache_folder()} are in use; end the daemons that hold them."
    )


def _start(folder: Path, data: Path, lock: int, log: Path) -> subprocess.Popen[bytes]:
    # The daemon dies with this session, and holds the lock for as long as any part of it lives.
    command = ["setpriv", "--pdeathsig", "TERM", "dockerd", "--bridge=none", "--iptables=false"]
    command += ["--ip6tables=false", "--userland-proxy=false", f"--data-root={data}", f"--exec-root={folder}/exec"]
    command += [f"--pidfile={folder}/docker.pid", f"--host=unix://{folder}/docker.sock"]
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    with log.open("wb") as out:
        return subprocess.Popen(
            command, stdout=out, stderr=out, env=environment, pass_fds=(lock,), start_new_session=True
        )


def _answering(process: subprocess.Popen[bytes], daemon: Daemon) -> Daemon:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(DockerException, OSError):
            client = daemon.client()
            client.ping()
            client.close()
            return daemon
        time.sleep(0.1)
    raise RuntimeError(f"dockerd did not come up. The end of its log:\n{daemon.log.read_text()[-3000:]}")


def _end(process: subprocess.Popen[bytes], *folders: Path) -> None:
    family = [process.pid]
    with suppress(psutil.NoSuchProcess):  # it never came up
        family += [child.pid for child in psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()
    mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if any(Path(mount).is_relative_to(folder) for folder in folders):
            subprocess.run(["umount", mount], check=False)


def _image_id(client: APIClient, name: str) -> str:
    try:
        return client.inspect_image(name)["Id"]
    except ImageNotFound:
        return ""


def _base_tar() -> Path:
    tar = cache_folder() / "base-bookworm.tar"
    if not tar.exists():
        made = tar.with_suffix(f".{os.getpid()}.tar")
        packages = "python3,python3-venv,ca-certificates,libgomp1,tini"
        command = ["mmdebstrap", "--variant=minbase", f"--include={packages}", "bookworm", str(made)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"mmdebstrap cannot make the base image:\n{done.stderr[-3000:]}")
        made.rename(tar)
    return tar
