"""Who bought and sold in a week, as known at each session: table `investor_flows`, published the week after.

The market is TSE Prime; for weeks that ended before it opened on 2022-04-04 it is the First Section. A record is made
at each session in which a week of it was published, for the first time or corrected: from then on a correction holds,
in every window that its week lies in.
"""

from __future__ import annotations

from datetime import date
from typing import Final

import polars as pl

from tosho.features.records.places import places
from tosho.features.records.record import Grain, Records, Tables
from tosho.features.windows import ratio, zscore

PRIME, FIRST_SECTION = "TSEPrime", "TSE1st"
PRIME_SINCE: Final = date(2022, 4, 4)
WEEKS: Final = 52

FOREIGN_NET, INDIVIDUAL_NET, TRUST_BANK_NET, FUND_NET, PROPRIETARY_NET = NETS = tuple(
    pl.col(f"flow_{who}_net") for who in ("foreign", "individual", "trust_bank", "fund", "proprietary")
)
"""Balance over turnover of the newest week, in [-1, 1]: 1 who only bought."""
FOREIGN_NET_Z, INDIVIDUAL_NET_Z = pl.col("flow_foreign_net_z"), pl.col("flow_individual_net_z")
"""The same in deviations from the newest 52 weeks."""
FOREIGN_NET_CHANGE = pl.col("flow_foreign_net_change")
"""The same less that of the week before."""
TOLD_BEFORE = pl.col("flow_told_before")
"""Sessions from the publication of the newest week's figures to the record: not 0 where it corrects an older week."""
AGE = pl.col("flow_age")

_SOURCES: Final = dict(
    zip(
        (net.meta.output_name() for net in NETS),
        ("foreigners", "individuals", "trust_banks", "investment_trusts", "proprietary"),
        strict=True,
    )
)


def known_flows(tables: Tables) -> pl.DataFrame:
    """Return session and the columns of `FLOWS`, a row for each session in which a week was told, in order.

    A week whose turnover is zero has null. What needs 52 weeks is null before 52 are known and where one of them has
    null; weeks are those known, so that one never published is stepped over.
    """
    weeks = _newest_weeks(_versions(tables["investor_flows"]))
    count = pl.len().over("session")
    newest = weeks.with_columns(
        pl.when(count == WEEKS).then(zscore(FOREIGN_NET, WEEKS)).alias("flow_foreign_net_z"),
        pl.when(count == WEEKS).then(zscore(INDIVIDUAL_NET, WEEKS)).alias("flow_individual_net_z"),
        pl.when(count > 1).then(FOREIGN_NET - FOREIGN_NET.shift(1)).alias("flow_foreign_net_change"),
    ).unique("session", keep="last", maintain_order=True)
    before = places(newest["session"]) - places(newest["told"])
    return newest.select("session", before.alias("flow_told_before"), *FLOWS.columns[:-1])


def _versions(flows: pl.DataFrame) -> pl.DataFrame:
    """Return a row for each week and session in which it was told; of several the last published."""
    section = pl.when(pl.col("week_end") >= PRIME_SINCE).then(pl.lit(PRIME)).otherwise(pl.lit(FIRST_SECTION))
    ordered = flows.filter(pl.col("section") == section).sort("known_at", "published_on", "week_start")
    nets = (ratio(pl.col(f"{who}_balance"), pl.col(f"{who}_total")).alias(name) for name, who in _SOURCES.items())
    return ordered.unique(["session", "week_end"], keep="last", maintain_order=True).select(
        pl.col("session").alias("told"), "week_end", *nets
    )


def _newest_weeks(versions: pl.DataFrame) -> pl.DataFrame:
    """Return the newest weeks, 52 at most, that were known at each session, by session and week, as known then."""
    sessions = versions.select(pl.col("told").unique().alias("session"))
    told = sessions.lazy().join(versions.lazy(), how="cross").filter(pl.col("told") <= pl.col("session"))
    ordered = told.collect().sort("session", "week_end", "told")
    weeks = ordered.unique(["session", "week_end"], keep="last", maintain_order=True)
    return weeks.group_by("session", maintain_order=True).tail(WEEKS)


FLOWS: Final = Records(
    name="flow",
    grain=Grain.MARKET,
    tables=("investor_flows",),
    columns=(*_SOURCES, "flow_foreign_net_z", "flow_individual_net_z", "flow_foreign_net_change", "flow_told_before"),
    make=known_flows,
)
