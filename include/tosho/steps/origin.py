"""What a training run is made from: by this it is found again, and its finished folds are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import NamedTuple

from tosho.dataset.assemble import fingerprint
from tosho.steps.preparation import Prepared
from tosho.steps.request import Request
from tosho.storage import Lake


class Origin(NamedTuple):
    """What a run is made from: every setting, a checksum of the data, and one of all that decides the run."""

    parameters: Mapping[str, object]
    data: str
    digest: str


def origin_of(lake: Lake, request: Request, data: Prepared) -> Origin:
    """Return what a run is made from: settings, data, and whether the attainable is asked for."""
    parameters = request.parameters(data)
    decisive = {name: str(value) for name, value in parameters.items()}
    checksum = fingerprint(lake, data.samples.sessions, data.samples.static)
    text = json.dumps([decisive, checksum, request.truth is not None], sort_keys=True)
    return Origin(parameters, checksum, hashlib.sha256(text.encode()).hexdigest())
