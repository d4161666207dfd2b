"""Who was listed: every code ever seen, with its first and last sight, as known at a session.

J-Quants gives no dates of listing and delisting, and names a delisted code only on the days on which it was listed.
Both are read off the listings of consecutive sessions: a universe and the next session's listing make the next
universe. Nothing else is looked at, so that no later listing can change it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

import polars as pl

ATTRIBUTES: Final = ("name", "sector17", "sector33", "scale", "segment", "margin_class", "product")

UNIVERSE: Final = pl.Schema(
    {
        "code": pl.String(),
        "first_seen": pl.Date(),
        "last_seen": pl.Date(),
        "is_listed": pl.Boolean(),
        "since_start": pl.Boolean(),
        "absences": pl.Int32(),
        **dict.fromkeys(ATTRIBUTES, pl.String()),
    }
)
"""One row a code, ordered by code.

`first_seen` and `last_seen` are sessions; `is_listed` tells whether the newest listing has the code. `since_start`
marks codes of the first listing of all: they were listed on some earlier day, which is not known. `absences` counts
the times that a code went and came back: a code can be given to another company, and such a one's past is not its
own. The attributes are those of the last sight: a delisted code keeps them.
"""


class UniverseError(ValueError):
    """A listing cannot follow the universe that it is given to."""


def begin() -> pl.DataFrame:
    """Return the universe before the first listing."""
    return pl.DataFrame(schema=UNIVERSE)


def advance(universe: pl.DataFrame, listing: pl.DataFrame) -> pl.DataFrame:
    """Return the universe after one more session.

    Args:
        universe: As known at an earlier session, with the columns of `UNIVERSE`.
        listing: The rows of `securities` of one session.

    Raises:
        UniverseError: The listing is empty, of several sessions, repeats a code, or is not later than the universe.
    """
    session = _session_of(listing, universe)
    now = listing.select("code", *ATTRIBUTES)
    came = now.join(universe, on="code", how="anti").with_columns(
        pl.lit(session).alias("first_seen"), pl.lit(not universe.height).alias("since_start"), absences=0
    )
    back = now.join(universe.drop(ATTRIBUTES), on="code", how="inner").with_columns(
        pl.col("absences") + ~pl.col("is_listed")
    )
    here = pl.concat([_typed(came, session, is_listed=True), _typed(back, session, is_listed=True)])
    gone = universe.join(now, on="code", how="anti").with_columns(is_listed=False)
    return pl.concat([here, gone.select(UNIVERSE.names())]).sort("code")


def universe_at(listings: Iterable[pl.DataFrame], session: date) -> pl.DataFrame:
    """Return the universe as known at a session: of all listings that are not later.

    Args:
        listings: The partitions of `securities`, in order of their sessions; one at a time is held.
        session: As known when. Where it has no listing, the newest one before it holds.

    Raises:
        UniverseError: A listing cannot follow the one before.
    """
    universe = begin()
    for listing in listings:
        if listing.height and listing["session"][0] > session:
            break
        universe = advance(universe, listing)
    return universe


def _session_of(listing: pl.DataFrame, universe: pl.DataFrame) -> date:
    days = listing["session"].unique().sort().to_list()
    if len(days) != 1:
        raise UniverseError(
            f"A listing of one session is needed; this one has {listing.height} rows of {len(days)} sessions, "
            f"{days[:3]}. Give the partitions of securities one by one."
        )
    if repeated := listing.height - listing["code"].n_unique():
        raise UniverseError(
            f"The listing of {days[0]} repeats {repeated} of {listing.height} codes; the bound is none."
        )
    session: date = days[0]
    if seen := universe.filter(pl.col("last_seen") >= session)["last_seen"].to_list():
        raise UniverseError(f"The listing of {session} came after that of {max(seen)}. Give them in order of time.")
    return session


def _typed(rows: pl.DataFrame, session: date, *, is_listed: bool) -> pl.DataFrame:
    seen = rows.with_columns(pl.lit(session).alias("last_seen"), pl.lit(is_listed).alias("is_listed"))
    return seen.select(pl.col(name).cast(dtype) for name, dtype in UNIVERSE.items())
