"""The one door to MLflow: runs, their artefacts, registered models and the aliases `champion` and `challenger`."""

from __future__ import annotations

import json
import logging
import os
import tempfile
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tosho.config import Settings
from tosho.models.bundle import MANIFEST, Bundle, BundleError, manifest
from tosho.storage import Files

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

EXPERIMENT = "tosho"
LIGHTGBM = "tosho-lightgbm"
CHAMPION, CHALLENGER = "champion", "challenger"
UNPROVEN = "unproven"
IN_SAMPLE = "in_sample"
"""Flag of scores whose model knew the session: they say nothing of how well it foresees."""

KNEW, PROMOTED = "knew", "promoted"
"""Tags of a version: the last session whose data its training knew, and that it is or was the champion."""
WITHDRAWN = "withdrawn"
"""Tag of a version that a person took out of service; it scores nothing until it is promoted again."""

DECISIONS = "decisions"
"""Tag of a version: what persons decided about it, as JSON, oldest first."""

Decides = Literal["figures", "person"]
"""Who makes a version that has earned it the champion."""

MADE_FROM = "made_from"
"""Tag of a version: the digest of its data and settings."""

_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    "GIT_PYTHON_REFRESH": "quiet",  # a container has no git, and nobody asked for a commit
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}


class NoModelError(LookupError):
    """No model is registered that could be used."""


@dataclass(frozen=True)
class Run:
    """What a training run leaves behind: settings, figures, tags, and a folder of artefacts with `bundle/` in it."""

    parameters: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]
    artefacts: Path


@dataclass(frozen=True)
class Decided:
    """What a person decided about a version, and why; `when` is an ISO instant and `what` one word, once it is kept.

    An instant that is given stays, so that a decision that comes a second time is known again.
    """

    who: str
    why: str
    what: str = ""
    when: str = ""


@dataclass(frozen=True)
class Registered:
    """A version in the registry."""

    name: str
    version: str
    run_id: str
    tags: Mapping[str, str]

    @property
    def knew(self) -> date:
        """The last session whose data its training knew.

        Raises:
            BundleError: It was registered by a version that did not record this.
        """
        if KNEW not in self.tags:
            raise BundleError(
                f"Version {self.version} of {self.name} does not say up to which session it knew the market (its tag "
                f"`{KNEW}`), so that nobody can tell which scores are in sample. Train a new model."
            )
        return date.fromisoformat(self.tags[KNEW])


@dataclass(frozen=True)
class Registry:
    """One registered model on the tracking server of an installation."""

    settings: Settings
    name: str = LIGHTGBM

    @cached_property
    def _client(self) -> MlflowClient:
        os.environ.update({k: v for k, v in _QUIET.items() if k not in os.environ})
        from mlflow import MlflowClient

        for noisy in ("mlflow", "alembic"):
            logging.getLogger(noisy).setLevel(logging.WARNING)
        if self._is_local:
            Path(self.settings.home).mkdir(parents=True, exist_ok=True)
        if folder := self._database_folder:
            folder.mkdir(parents=True, exist_ok=True)
        with Files(folder.as_uri()).alone("") if folder else nullcontext():  # two that make its tables would collide
            client = MlflowClient(tracking_uri=self.settings.mlflow, registry_uri=self.settings.mlflow)
            client.search_registered_models(max_results=1)
            return client

    @property
    def _database_folder(self) -> Path | None:
        """The folder of a local database; None where there is none."""
        scheme = "sqlite:///"
        return Path(self._where.removeprefix(scheme)).absolute().parent if self._where.startswith(scheme) else None

    @property
    def _is_local(self) -> bool:
        return not self.settings.mlflow.startswith(("http://", "https://"))

    def record(self, run: Run) -> Registered:
        """Log a finished training run and register its bundle as a new version, the challenger.

        Raises:
            BundleError: The artefacts hold no bundle; nothing was logged.
            MlflowException: The tracking server refused or could not be reached.
        """
        if not (run.artefacts / "bundle" / MANIFEST).is_file():
            raise BundleError(
                f"There is no bundle in {run.artefacts}; MLflow would register a version that nobody can load. "
                "Save the bundle into its folder `bundle` first."
            )
        knew = str(manifest(run.artefacts / "bundle")["knew"])
        from mlflow.entities import Metric, Param, RunTag

        logged = self._client.create_run(self._experiment(), run_name=run.tags.get("name"))
        run_id = logged.info.run_id
        began = logged.info.start_time
        try:
            self._client.log_batch(
                run_id,
                metrics=[Metric(key, value, began, 0) for key, value in run.metrics.items() if value == value],  # noqa: PLR0124
                params=[Param(key, str(value)) for key, value in run.parameters.items()],
                tags=[RunTag(key, value) for key, value in run.tags.items()],
            )
            self._client.log_artifacts(run_id, str(run.artefacts))
            registered = self._register(f"{logged.info.artifact_uri}/bundle", run_id, {**run.tags, KNEW: knew})
        except BaseException:
            self._client.set_terminated(run_id, "FAILED")
            raise
        self._client.set_terminated(run_id, "FINISHED")
        return registered

    def promote(self, registered: Registered, decided: Decided | None = None) -> None:
        """Make a version the champion; it is no challenger any more. A person's decision is kept with it.

        The decision is kept last: where it is found, all of it was done.
        """
        if self.tag(registered, WITHDRAWN):
            self._client.delete_model_version_tag(self.name, registered.version, WITHDRAWN)
        self._client.set_model_version_tag(self.name, registered.version, PROMOTED, "true")
        self._client.set_registered_model_alias(self.name, CHAMPION, registered.version)
        challenger = self.find(CHALLENGER)
        if challenger and challenger.version == registered.version:
            self._client.delete_registered_model_alias(self.name, CHALLENGER)
        if decided:
            self._keep(registered, decided, "promoted")

    def decline(self, registered: Registered, decided: Decided) -> None:
        """Keep with a version that a person did not make it the champion; aliases stay as they are."""
        self._keep(registered, decided, "declined")

    def withdraw(self, registered: Registered, decided: Decided) -> None:
        """Mark a version as taken out of service by a person; who serves instead is for `promote` to say."""
        self._keep(registered, decided, "withdrew")
        self._client.set_model_version_tag(self.name, registered.version, WITHDRAWN, "true")

    def former(self) -> list[Registered]:
        """Return the versions that are or were champion and were not withdrawn, newest first."""
        return [v for v in self.versions() if v.tags.get(PROMOTED) == "true" and WITHDRAWN not in v.tags]

    def logged(self, registered: Registered) -> tuple[dict[str, str], dict[str, float]]:
        """Return the settings and the figures of the run that made a version."""
        data = self._client.get_run(registered.run_id).data
        return dict(data.params), dict(data.metrics)

    def tag(self, registered: Registered, name: str) -> str:
        """Return a version's tag as it is now; empty where it has none."""
        return str(self._client.get_model_version(self.name, registered.version).tags.get(name, ""))

    def find(self, alias: str) -> Registered | None:
        """Return the version that bears an alias; None says that there is none."""
        from mlflow.exceptions import MlflowException

        try:
            found = self._client.get_model_version_by_alias(self.name, alias)
        except MlflowException as error:
            if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                return None
            raise
        return _registered(found)

    def in_service(self) -> tuple[Registered, str]:
        """Return the version in service, and its flag: the champion; while there is none the newest, `unproven`.

        Raises:
            NoModelError: Nothing was ever trained.
        """
        if found := self.find(CHAMPION):
            return found, ""
        if found := self.find(CHALLENGER):
            return found, UNPROVEN
        raise NoModelError(f"No version of {self.name} is registered at {self._where}. Run the weekly training first.")

    def for_session(self, session: date) -> tuple[Registered, str]:
        """Return the version that scores a session, and its flags, separated by commas.

        The one in service; where that one knew the session, the newest former champion on the same features that did
        not, so that a session scored again later is scored as it was that evening. `in_sample` says that there is none.

        Raises:
            NoModelError: Nothing was ever trained.
            BundleError: A version does not say what it knew.
        """
        served, flag = self.in_service()
        if session > served.knew:
            return served, flag
        for former in self.former():
            same_features = former.tags.get("feature_set") == served.tags.get("feature_set")
            if same_features and session > former.knew:
                return former, ""
        return served, f"{flag},{IN_SAMPLE}" if flag else IN_SAMPLE

    def names(self) -> list[str]:
        """Return the names of all models that are registered on this server, in order."""
        return sorted(model.name for model in self._client.search_registered_models())

    def versions(self) -> list[Registered]:
        """Return all versions, newest first."""
        found: list[Registered] = []
        token = ""
        while True:
            page = self._client.search_model_versions(f"name = '{self.name}'", page_token=token or None)
            found += [_registered(version) for version in page]
            token = page.token
            if not token:
                return sorted(found, key=lambda version: int(version.version), reverse=True)

    def made_from(self, digest: str) -> Registered | None:
        """Return the newest version whose tag `made_from` is this digest; None says that there is none."""
        return next((version for version in self.versions() if version.tags.get(MADE_FROM) == digest), None)

    def newest(self) -> Registered:
        """Return the version that was registered last.

        Raises:
            NoModelError: Nothing was ever trained.
        """
        if found := self.versions():
            return found[0]
        raise NoModelError(f"No version of {self.name} is registered at {self._where}. Run the weekly training first.")

    def champion(self) -> Registered:
        """Return the champion.

        Raises:
            NoModelError: There is none.
        """
        if found := self.find(CHAMPION):
            return found
        raise NoModelError(
            f"{self.name} has no champion at {self._where}: no version has beaten zero out of sample yet. "
            "Train on a longer history, or score with the challenger, whose predictions are flagged unproven."
        )

    def bundle(self, registered: Registered) -> Bundle:
        """Return a version's bundle, checked.

        Raises:
            BundleError: It is not there, not what was saved, or not for this machine.
        """
        from mlflow.exceptions import MlflowException

        with tempfile.TemporaryDirectory() as folder:
            try:
                fetched = Path(self._client.download_artifacts(registered.run_id, "bundle", folder))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                raise BundleError(
                    f"Version {registered.version} of {registered.name} has no bundle at {self._where}: {error} Choose "
                    "another version, or train a new model."
                ) from error
            return Bundle.load(fetched)

    def artefact(self, registered: Registered, path: str) -> bytes:
        """Return one artefact of the run that made a version."""
        with tempfile.TemporaryDirectory() as folder:
            return Path(self._client.download_artifacts(registered.run_id, path, folder)).read_bytes()

    def artefacts(self, registered: Registered) -> frozenset[str]:
        """Return the names of the artefacts of the run that made a version, a folder's among them."""
        return frozenset(found.path for found in self._client.list_artifacts(registered.run_id))

    @property
    def _where(self) -> str:
        return self.settings.mlflow

    def _keep(self, registered: Registered, decided: Decided, what: str) -> None:
        when = decided.when or datetime.now(UTC).isoformat(timespec="seconds")
        made = replace(decided, what=what, when=when)
        before = json.loads(self.tag(registered, DECISIONS) or "[]")
        text = json.dumps([*before, asdict(made)], ensure_ascii=False)
        self._client.set_model_version_tag(self.name, registered.version, DECISIONS, text)

    def _experiment(self) -> str:
        from mlflow.exceptions import MlflowException

        if found := self._client.get_experiment_by_name(EXPERIMENT):
            return str(found.experiment_id)
        place = f"{Path(self.settings.home).as_uri()}/mlartifacts" if self._is_local else None
        try:
            return str(self._client.create_experiment(EXPERIMENT, artifact_location=place))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        return self._experiment()  # another training has made it meanwhile

    def _register(self, source: str, run_id: str, tags: Mapping[str, str]) -> Registered:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        made = self._client.create_model_version(self.name, source, run_id, tags=dict(tags))
        self._client.set_registered_model_alias(self.name, CHALLENGER, made.version)
        return _registered(made)


def name_of(kind: str) -> str:
    """Return the name under which models of a kind are registered.

    >>> name_of("lightgbm")
    'tosho-lightgbm'
    """
    return f"tosho-{kind}"


def champion(settings: Settings, name: str = LIGHTGBM) -> Bundle:
    """Return the champion's bundle, checked.

    Raises:
        NoModelError: There is none.
        BundleError: It cannot be trusted.
    """
    registry = Registry(settings, name)
    return registry.bundle(registry.champion())


def decisions(registered: Registered) -> tuple[Decided, ...]:
    """Return what persons decided about a version, oldest first."""
    return tuple(Decided(**made) for made in json.loads(registered.tags.get(DECISIONS, "[]")))


def reasons(registered: Registered) -> tuple[str, ...]:
    """Return why a version was promoted or not, as its tag tells."""
    return tuple(json.loads(registered.tags.get("reasons", "[]")))


def _registered(found: ModelVersion) -> Registered:
    return Registered(found.name, str(found.version), str(found.run_id), dict(found.tags))
