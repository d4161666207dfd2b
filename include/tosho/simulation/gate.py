"""Who may ask the simulated service, and how often."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field

from tosho.config import Plan
from tosho.ingest.plans import FINS_PER_MINUTE, PLANS
from tosho.simulation.answers import BAD_KEY, NOT_IN_PLAN, ApiError
from tosho.simulation.limits import Block, RateLimit


@dataclass(frozen=True)
class Gate:
    """The way in: a key, a plan, and the pace of each group of endpoints.

    Attributes:
        api_key: What callers must send.
        plan: Whose endpoints can be had.
        general: The pace of all endpoints but `fins/*`.
        fins: The pace of these.
        block: Shuts everything for minutes after gross excess.
    """

    api_key: str = field(repr=False)
    plan: Plan
    general: RateLimit
    fins: RateLimit
    block: Block

    def admit(self, endpoint: str, given_key: str) -> None:
        """Let a request through.

        Raises:
            ApiError: The key is another one, the plan does not have the endpoint, or it is asked too often.
        """
        if not hmac.compare_digest(given_key.encode(), self.api_key.encode()):
            raise ApiError(403, BAD_KEY)
        self.block.check()
        try:
            (self.fins if endpoint.startswith("/fins/") else self.general).admit()
        except ApiError:
            self.block.count()
            raise
        if endpoint not in PLANS[self.plan].endpoints:
            raise ApiError(403, NOT_IN_PLAN)


def gate(api_key: str, plan: Plan, per_minute: int | None) -> Gate:
    """Return the gate of a plan at a pace; None lets all requests through."""
    fins = None if per_minute is None else min(per_minute, FINS_PER_MINUTE)
    return Gate(api_key, plan, RateLimit(per_minute), RateLimit(fins), Block(per_minute))
