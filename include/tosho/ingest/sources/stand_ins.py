"""What is published of a bar that cannot be believed: that its session was no trade, and what it says of a split.

A factor is said once, on the ex-date. Were it thrown away with a bad price, every adjusted price from then on would
be wrong, and nothing afterwards would tell.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from tosho.contracts import BARS, Checked, ContractError

_FACTOR: Final = "adj_factor"
_KNOWN_AT: Final = "known_at"
_SAID: Final = (*BARS.key, _FACTOR, _KNOWN_AT)
_SOUND: Final = pl.all_horizontal(
    pl.col("session").is_not_null(),
    *(rule.holds.fill_null(value=False) for rule in BARS.rules if rule.name.startswith(("code_", _FACTOR))),
)


def bars_stand_ins(checked: Checked) -> pl.DataFrame:
    """Return a row of nulls with its factor for each bad key whose rows are agreed on a sound factor.

    A key that has a good row needs none. One whose rows disagree on the factor gets none.

    Raises:
        ContractError: Not one bar of a session is good, so that nulls would stand for all of them.
    """
    if checked.bad.is_empty():
        return checked.good.clear()
    agreed = pl.col(_FACTOR).n_unique().over(BARS.key) == 1
    said = checked.bad.filter(agreed & _SOUND).select(_SAID).unique(BARS.key)
    alone = said.join(checked.good, on=BARS.key, how="anti")
    rows = alone.join(BARS.empty().drop(_FACTOR, _KNOWN_AT), on=BARS.key, how="left")
    traded = checked.good.filter(pl.col("close").is_not_null())["session"].unique().implode()
    lost = rows.filter(~pl.col("session").is_in(traded))["session"].unique().sort().to_list()
    if lost:
        raise ContractError(
            f"Of session {lost[0]} not one bar with a price keeps the contract of bars; the rules broken are "
            f"{checked.by_rule()}. The source may have changed a unit or swapped fields. Nothing of it was published."
        )
    return rows.select(BARS.schema.names()).sort(BARS.key)
