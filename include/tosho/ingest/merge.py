"""Some codes of a session, fetched again, into what was published of it: better rows replace, worse ones do not."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import polars as pl

from tosho.contracts import Checked
from tosho.ingest.sources import Source


def merged(source: Source, session: date, published: pl.DataFrame, waiting: pl.DataFrame, new: pl.DataFrame) -> Checked:
    """Return a session's rows with those of some codes renewed, and its quarantine likewise.

    Of a code that nothing came for, everything stays as it was. What came replaces what was published and what
    waited in quarantine; where it is bad, the row that was published stays. A stand-in is no such row: what the new
    bad row says of a split takes its place.

    Args:
        source: Where the rows are from.
        session: Whose they are. Strays of a bulk file that wait with it are of no session and stay.
        published: The session's rows as they are.
        waiting: Its quarantine, with column `rule`.
        new: The rows of those codes as they came, not yet checked.

    Raises:
        ContractError: A column is null throughout.
    """
    key = source.contract.key
    answered = new["code"].drop_nulls().unique().to_list()
    renewed = _of(answered) & pl.col("session").eq_missing(session)
    old, others = published.filter(_of(answered)), published.filter(~_of(answered))
    found = source.contract.check(pl.concat([others, new]))  # with the others: one halted code is no lost column
    good, bad = found.good.filter(_of(answered)), found.bad
    stay = old.filter(~_of(_clean(good, bad))).join(good, on=key, how="anti", nulls_equal=True)
    stood_in = source.stand_ins(Checked(others, waiting.filter(renewed)))
    sound = pl.concat(
        [others, good, stay.join(stood_in, on=source.contract.schema.names(), how="anti", nulls_equal=True)]
    )
    stand_ins = source.stand_ins(Checked(sound, bad))
    still = waiting.filter(~renewed)
    return Checked(
        pl.concat([sound, stand_ins]).sort(key),
        source.contract.in_order(pl.concat([still.select(*bad.columns), bad])),
    )


def _of(codes: Collection[str]) -> pl.Expr:
    return pl.col("code").is_in(codes).fill_null(value=False)


def _clean(good: pl.DataFrame, bad: pl.DataFrame) -> list[str]:
    """Return the codes for which only good rows came: all that was published of them is replaced."""
    return good.filter(~_of(bad["code"].drop_nulls().to_list()))["code"].unique().to_list()
