"""Numbers that look drawn but follow from code and day alone: asked again, the same."""

from __future__ import annotations

import polars as pl

_PRIME = 2_147_483_647
_BASE = 36
_CODE, _DAY, _SALT, _STIR = 48_271, 69_621, 1_299_709, 16_807


def chance(salt: int) -> pl.Expr:
    """Return a number from 0 up to 1 for each row, of its Code, its Date and the salt; no nulls."""
    code = pl.col("Code").str.to_integer(base=_BASE).cast(pl.Int64)
    day = pl.col("Date").cast(pl.Date).to_physical().cast(pl.Int64)
    mixed = (code * _CODE + day * _DAY + salt * _SALT) % _PRIME
    for _ in range(3):
        mixed = (mixed * _STIR + salt) % _PRIME
    return mixed / _PRIME
