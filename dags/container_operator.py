"""The one operator that runs a command line of `jobs/train`: in the training image, or as a process beside the task."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from pkgutil import resolve_name
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil
from airflow.providers.docker.exceptions import DockerContainerFailedException, DockerContainerFailedSkipException
from airflow.providers.docker.hooks.docker import DockerHook
from airflow.providers.docker.operators.docker import DockerOperator
from airflow.sdk.exceptions import AirflowFailException
from docker import APIClient
from docker.errors import APIError, DockerException, NotFound
from docker.types import DeviceRequest, Mount

if TYPE_CHECKING:
    from tosho.config import Settings

PROJECT = Path(__file__).resolve().parent.parent
BUILD = "deploy/images/build.sh"
RUN, HOME, SOURCES = "tosho.run", "tosho.home", "tosho.sources"
"""Labels: which task instance a container belongs to, to which installation, and what its image was built from."""

GRACE_SECONDS = 2
"""From TERM to KILL. Airflow allows `on_kill` 5 seconds before it kills the task itself."""
TAIL_LINES = 15

SAME_AGAIN = 3
"""Exit status of a job that would fail the same way again; its last line says why."""

IMAGE_USER = 50001
"""The image's own user, who runs the job where the task is root's: no container is."""

HARDENED = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
"""What `DockerOperator` has no parameters for."""


class ContainerJobError(RuntimeError):
    """A container job could not start, failed, was killed, or handed no result back."""


class ContainerJobOperator(DockerOperator):
    """Run one command line of `jobs/train` and return the JSON object that it printed last.

    `settings.containers.runtime` decides where: `docker`, `process`, or `auto`, which takes Docker when a daemon
    answers. Both get the same command line and the same environment, secrets outside of any template. In a
    container the local folders that the settings name are mounted at their own paths, so that a URI means the
    same inside and outside, and files belong to the user who runs the task; where that is root, to the image's user,
    who is handed what the job writes. A folder given with `--truth` is mounted to be read. No container has a
    capability or can gain one.

    Args:
        command: Script in `jobs/train` and its arguments; templated.
        settings: Callable that returns the settings, or its import path (`module.function`); called at run time.
        **options: What `DockerOperator` takes, `user` and `mem_limit` for example.
    """

    template_fields = ("command",)

    def __init__(self, *, command: list[Any] | str, settings: Callable[[], Settings] | str, **options: Any) -> None:  # noqa: ANN401
        self._killed = False
        self._process: subprocess.Popen[str] | None = None
        super().__init__(image="", command=command, mount_tmp_dir=False, auto_remove="force", xcom_all=True, **options)
        self.skip_on_exit_code = [
            SAME_AGAIN
        ]  # the provider's one way to tell a status; `_in_docker` makes it a failure
        self.settings = settings

    @property
    def container(self) -> dict[str, Any] | None:
        """Return the container as the daemon described it, once it is created."""
        return self._container

    @container.setter
    def container(self, created: dict[str, Any] | None) -> None:
        self._container = created
        if created and self._killed:  # the kill came while the daemon was creating it: it must never start
            _remove(self.cli, created["Id"])
            raise ContainerJobError("The task was killed before its container started; the container is removed.")

    def execute(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Run the command line and return its result.

        Raises:
            AirflowFailException: Another try gives the same: a setting, folder or image is not as it must be, or the
                job says so by its exit status, with its sentence.
            ContainerJobError: No daemon, any other non-zero exit status (with the last lines), or no result.
        """
        settings = _called(self.settings)
        self.command = shlex.split(self.command) if isinstance(self.command, str) else [str(p) for p in self.command]
        folders = local_folders(settings)
        truth_folders(self.command)
        run = run_of(context["ti"])
        self._private_environment |= {**settings.to_environment(), "TOSHO_RUN": run}
        if self._takes_docker(settings):
            return _result(self.command, self._in_docker(settings, run, folders))
        return _result(self.command, self._as_process(settings, run))

    def on_kill(self) -> None:
        """End the job, whichever way it runs, and leave nothing of it behind."""
        self._killed = True
        if self._process:
            _end_group(self._process)
        if self.container:
            self.log.info("Killed: removing container %s.", self.container["Id"][:12])
            _remove(self.cli, self.container["Id"])

    def _takes_docker(self, settings: Settings) -> bool:
        asked, url = settings.containers.runtime, settings.containers.docker_url
        if asked == "process":
            self.log.info("Runs as a process: TOSHO_CONTAINER_RUNTIME is 'process'.")
            return False
        self.docker_url = url
        silence = self._silence(url)
        if silence and asked == "docker":
            raise ContainerJobError(
                f"TOSHO_CONTAINER_RUNTIME is 'docker', and no Docker daemon answers at {url} ({silence}). "
                "Start it, or set the variable to 'process'."
            )
        if silence:
            self.log.warning("Runs as a process: no Docker daemon answers at %s (%s).", url, silence)
            return False
        self.log.info("Runs in Docker: TOSHO_CONTAINER_RUNTIME is %r and a daemon answers at %s.", asked, url)
        return True

    def _silence(self, url: str) -> str:
        """Return why no daemon answers at this address; empty when one does."""
        tls = DockerHook.construct_tls_config(self.tls_ca_cert, self.tls_client_cert, self.tls_client_key)
        try:
            client = APIClient(base_url=url, tls=tls, timeout=10)
            try:
                client.ping()
            finally:
                client.close()
        except (DockerException, OSError) as error:
            return f"{type(error).__name__}: {error}"
        return ""

    def _in_docker(self, settings: Settings, run: str, folders: list[Path]) -> list[str]:
        self.image = settings.containers.image
        self._check_image()
        self.labels = {RUN: run, HOME: settings.home}
        if swept := sweep(self.cli, self.labels):
            self.log.warning("Removed %d container(s) that an earlier try of this task left behind.", len(swept))
        self.user = self.user or _user(settings, folders)
        self.network_mode = settings.containers.network
        self.mounts = [_mount(f) for f in folders]
        self.mounts += [_mount(f, read_only=True) for f in truth_folders(self.command) if not _lies_in(f, folders)]
        self.cli.create_host_config = partial(self.cli.create_host_config, **HARDENED)
        self.device_requests = _gpus(settings.containers.gpus)
        try:
            return list(super().execute({}) or [])
        except DockerContainerFailedSkipException as error:
            raise self._hopeless(error.logs or []) from error
        except DockerContainerFailedException as error:
            raise ContainerJobError(self._failure(str(error), error.logs or [])) from error
        except APIError as error:
            raise ContainerJobError(self._failure(f"the Docker daemon says {error.explanation!r}", [])) from error

    def _check_image(self) -> None:
        try:
            labels = self.cli.inspect_image(self.image)["Config"].get("Labels") or {}
        except NotFound as error:
            raise AirflowFailException(
                f"The Docker daemon at {self.docker_url} has no image {self.image!r}. Build it with `{BUILD}`, "
                "or set TOSHO_CONTAINER_RUNTIME=process to run without a container."
            ) from error
        here, there = sources_digest(PROJECT), labels.get(SOURCES, "unknown")
        if here != there:
            self.log.warning("Image %s holds sources %s, this checkout %s: `%s`.", self.image, there, here, BUILD)

    def _as_process(self, settings: Settings, run: str) -> list[str]:
        if swept := sweep_processes({"TOSHO_RUN": run, "TOSHO_HOME": settings.home}):
            self.log.warning("Ended %d process(es) that an earlier try of this task left behind.", len(swept))
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with subprocess.Popen(  # noqa: S603 - the Dag's own command line
            [sys.executable, *self.command],
            cwd=PROJECT / "jobs" / "train",
            env={**inherited, "PYTHONPATH": str(PROJECT / "include"), **self.environment, **self._private_environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as self._process:
            try:
                if self._killed:
                    _end_group(self._process)
                lines = self._followed(self._process)
            finally:
                _end_group(self._process)
        if self._process.returncode == SAME_AGAIN:
            raise self._hopeless(lines)
        if self._process.returncode:
            raise ContainerJobError(self._failure(f"exit status {self._process.returncode}", lines))
        return lines

    def _followed(self, process: subprocess.Popen[str]) -> list[str]:
        # What the job started and left running ends with it, as in a container; it would hold its output open, too.
        threading.Thread(target=lambda: (process.wait(), _end_group(process)), daemon=True).start()
        lines = []
        for line in process.stdout or ():
            lines.append(line.rstrip())
            self.log.info("%s", lines[-1])
        process.wait()
        return lines

    def _hopeless(self, lines: Iterable[str | bytes]) -> AirflowFailException:
        said = [str(line) for line in lines if str(line).strip()]
        sentence = said[-1] if said else "It did not say why."
        return AirflowFailException(f"{shlex.join(self.command)} fails however often it is tried. {sentence}")

    def _failure(self, what: str, lines: Iterable[str | bytes]) -> str:
        last = "\n".join(str(line) for line in list(lines)[-TAIL_LINES:])
        killed = "The task was killed. " if self._killed else ""
        return f"{killed}{shlex.join(self.command)} failed: {what}. Its last lines:\n{last or '(it printed nothing)'}"


_INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE")
"""What a process gets of the task's environment; Airflow's own variables and secrets stay behind, as with Docker."""


def run_of(ti: Any) -> str:  # noqa: ANN401 - a task instance of any of Airflow's kinds
    """Return what names a task instance over all of its tries, as its container's label has it."""
    return f"{ti.dag_id}/{ti.run_id}/{ti.task_id}/{ti.map_index}"


def sweep(client: APIClient, labels: Mapping[str, str], older_seconds: float = 0) -> list[str]:
    """Remove the containers that carry all these labels, running or not, and return their ids.

    An empty value stands for any. Give `tosho.home` too: other installations may share the daemon.
    """
    wanted = [f"{name}={value}" if value else name for name, value in labels.items()]
    found = client.containers(all=True, filters={"label": wanted})
    orphans = [c["Id"] for c in found if time.time() - c["Created"] >= older_seconds]
    for orphan in orphans:
        _remove(client, orphan)
    return orphans


def sweep_processes(environment: Mapping[str, str]) -> list[int]:
    """Kill the processes of this machine whose environment holds all these variables, and return their ids."""
    killed = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):  # gone, or another user's
            if process.pid != os.getpid() and environment.items() <= process.environ().items():
                process.kill()
                killed.append(process.pid)
    return killed


def local_folders(settings: Settings) -> list[Path]:
    """Return the outermost folders of this machine that the settings name, made where they are missing.

    Raises:
        AirflowFailException: One of them is relative, or the root of the file system: neither can be shared.
    """
    named = {Path(settings.home), *_folder(settings.lake), *_folder(settings.mlflow)}
    for folder in named:
        if not folder.is_absolute() or folder == Path("/"):
            raise AirflowFailException(
                f"{str(folder)!r} cannot be shared with a container; TOSHO_HOME, TOSHO_LAKE and TOSHO_MLFLOW must "
                "name absolute paths below the root (`file:///folder`, `sqlite:////folder/file.db`) or a server."
            )
        folder.mkdir(parents=True, exist_ok=True)
    return sorted(f for f in named if not named.intersection(f.parents))


def truth_folders(command: list[str]) -> list[Path]:
    """Return the folder of a synthetic market that a command line names with `--truth`, if it names one.

    Raises:
        AirflowFailException: It is relative, or holds no `truth.json`.
    """
    given = [b for a, b in pairwise(command) if a == "--truth"]
    folders = [Path(name) for name in given if name]
    for folder in folders:
        if not folder.is_absolute() or not (folder / "truth.json").is_file():
            raise AirflowFailException(
                f"`--truth {folder}` must be the absolute path of a synthetic market's folder with a truth.json in it; "
                "there is none. Name such a folder, or leave `truth` empty."
            )
    return folders


_JOBS_OWN = ("mlartifacts", "reports", "studies", "checkpoints", "datasets")
"""Folders of the installation's home in which jobs write; some were root's, where a job ran as its process before."""


def hand_over(settings: Settings, folders: Iterable[Path], owner: int) -> None:
    """Give a user the folders that a job writes, with what is in them; root outside can still write all of it.

    That is the training's labels, the predictions, MLflow's database and artefacts, the reports, mapped datasets, and
    what a killed job goes on with: studies, checkpoints, finished folds. The mounted folders themselves are given, too,
    without what is in them: SQLite and the progress file need room beside them.
    """
    lake, mlflow = _folder(settings.lake), _folder(settings.mlflow)
    home, is_database = Path(settings.home), settings.mlflow.startswith("sqlite:")
    whole = [home / name for name in _JOBS_OWN] + ([] if is_database else mlflow)
    whole += [root / "tables" / table for root in lake for table in ("labels", "predictions")]
    for folder in whole:
        folder.mkdir(parents=True, exist_ok=True)
    bare = [*folders, *mlflow, *(db for f in mlflow if is_database for db in f.glob(f"{_name(settings.mlflow)}*"))]
    for path in [*bare, *(inner for folder in whole for inner in (folder, *folder.rglob("*")))]:
        with suppress(FileNotFoundError):  # a file that was being written, and has its name now
            if path.lstat().st_uid != owner:
                os.chown(path, owner, owner, follow_symlinks=False)


def sources_digest(root: Path) -> str:
    """Return the digest of what an image copies from a checkout; `build.sh` computes the same with `sha256sum`."""
    names = sorted(str(f.relative_to(root)) for top in ("include", "jobs/train") for f in (root / top).rglob("*.py"))
    lines = (f"{hashlib.sha256((root / name).read_bytes()).hexdigest()}  {name}\n" for name in names)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def _folder(uri: str) -> list[Path]:
    parts = urlsplit(uri)
    if parts.scheme == "sqlite":
        return [Path(parts.path[1:]).parent]  # three slashes begin a relative path, four an absolute one
    return [Path(parts.path)] if parts.scheme in {"file", ""} else []


def _name(uri: str) -> str:
    return Path(urlsplit(uri).path).name


def _lies_in(folder: Path, folders: Iterable[Path]) -> bool:
    return any(folder.is_relative_to(outer) for outer in folders)


def _mount(folder: Path, *, read_only: bool = False) -> Mount:
    return Mount(target=str(folder), source=str(folder), type="bind", read_only=read_only)


def _user(settings: Settings, folders: Iterable[Path]) -> str:
    if os.getuid():
        return f"{os.getuid()}:{os.getgid()}"
    hand_over(settings, folders, IMAGE_USER)
    return f"{IMAGE_USER}:{IMAGE_USER}"


def _called(settings: Callable[[], Settings] | str) -> Settings:
    find = settings if callable(settings) else resolve_name(settings)
    try:
        return find()
    except ValueError as error:  # a setting that cannot be used cannot be used a minute later
        raise AirflowFailException(str(error)) from error


def _result(command: list[str], lines: list[str]) -> dict[str, Any]:
    # Standard output and error come through two pipes, so a log line may overtake the result.
    for line in reversed(lines[-TAIL_LINES:]):
        with suppress(json.JSONDecodeError):
            if isinstance(result := json.loads(line), dict):
                return result
    last = lines[-1] if lines else "(it printed nothing)"
    raise ContainerJobError(
        f"{shlex.join(command)} ended well but handed no result back: a JSON object on its last line was expected, "
        f"its last line is {last!r}."
    )


def _gpus(count: int) -> list[DeviceRequest]:
    return [DeviceRequest(count=count, capabilities=[["gpu"]])] if count else []


def _remove(client: APIClient, container: str) -> None:
    with suppress(NotFound):  # ended and removed meanwhile
        client.stop(container, timeout=GRACE_SECONDS)
    with suppress(APIError):  # removed, or being removed, by the task's own ending
        client.remove_container(container, force=True)


def _end_group(process: subprocess.Popen[str]) -> None:
    """End a process and all it started: TERM, a moment to save, KILL."""
    with suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
        os.killpg(process.pid, signal.SIGKILL)
