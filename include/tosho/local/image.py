"""The training image of the local installation: built once, where a Docker daemon answers."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import docker

from tosho.config import Containers
from tosho.local.environment import Workplace


class ImageError(RuntimeError):
    """The training image is not there and could not be built."""


def ensure(place: Workplace, containers: Containers, say: Callable[[str], None]) -> None:
    """Build the training image if containers will be used and it is not there.

    Raises:
        ImageError: The build failed.
    """
    if containers.runtime == "process" or _has(containers):
        return
    say(f"image: building {containers.image}, once")
    command = [str(place.project / "deploy" / "images" / "build.sh"), "train", containers.image]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own script
    if done.returncode:
        raise ImageError(
            f"A Docker daemon answers, but {' '.join(command)} failed:\n{(done.stdout + done.stderr)[-2000:]}\n"
            "Mend the build, or set TOSHO_CONTAINER_RUNTIME=process to train without Docker."
        )


def _has(containers: Containers) -> bool:
    """Tell whether nothing needs building: the image is there, or `auto` finds no daemon and takes a process."""
    try:
        client = docker.DockerClient(base_url=containers.docker_url, timeout=5)
        client.ping()
    except docker.errors.DockerException:
        if containers.runtime == "docker":
            raise ImageError(
                f"TOSHO_CONTAINER_RUNTIME is docker, but no daemon answers at {containers.docker_url}. Start it, or "
                "set the variable to auto or process."
            ) from None
        return True
    try:
        client.images.get(containers.image)
    except docker.errors.ImageNotFound:
        return False
    return True
