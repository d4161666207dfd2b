"""Addresses of bulk files that open without a key, for some minutes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field
from urllib.parse import quote, urlencode

from tosho.simulation.answers import ApiError, Query


@dataclass(frozen=True)
class SignedUrls:
    """Addresses of files that open without a key, for some minutes."""

    seconds: int
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)

    def sign(self, base: str, key: str) -> str:
        """Return the address of a file."""
        expires = str(int(time.time()) + self.seconds)
        query = urlencode({"expires": expires, "signature": self._signature(key, expires)})
        return f"{base.rstrip('/')}/bulk-files/{quote(key)}?{query}"

    def check(self, key: str, query: Query) -> None:
        """Refuse an address that was altered or is too old."""
        expires = query.get("expires", "")
        right = hmac.compare_digest(query.get("signature", ""), self._signature(key, expires))
        if not right or int(expires) <= time.time():
            raise ApiError(403, "The address has expired. Ask /bulk/get for another one.")

    def _signature(self, key: str, expires: str) -> str:
        return hmac.new(self.secret, f"{key} {expires}".encode(), hashlib.sha256).hexdigest()
