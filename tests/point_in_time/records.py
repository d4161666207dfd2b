"""Records of any ingested table: three keys, a fact a session, a third of them published again, days later."""

from datetime import date, time, timedelta
from random import Random

import polars as pl

from tosho import calendar
from tosho.contracts import INGESTED
from tosho.point_in_time.facts import fact_of

KEYS = ("00000", "10000", "20000")
PUBLISHED = "published"
"""When a record could really be had, whatever its `known_at` says."""


def records_of(table, days, seed):
    """Return a table's columns and `published`. Some facts come before their session's cutoff, some after."""
    random, (by, of, _) = Random(seed), fact_of(table)
    schema = dict(INGESTED[table].schema)
    rows = []
    for day in days:
        for key in KEYS if by else KEYS[:1]:
            at = calendar.cutoff(day) + timedelta(hours=random.randint(-9, 30))
            rows += [
                {name: _value(dtype, random) for name, dtype in schema.items()}
                | {"session": day, **dict.fromkeys(by, key)}
                | {name: day if schema[name] == pl.Date else str(day) for name in of}
                | {"known_at": at + timedelta(days=late), PUBLISHED: at + timedelta(days=late)}
                for late in (0, 4)[: random.choice([1, 1, 2])]
            ]
    frame = pl.DataFrame(rows, schema={**schema, PUBLISHED: schema["known_at"]})
    return frame.unique([*by, *of, "known_at"], keep="first", maintain_order=True)


def _value(dtype, random):
    made = {pl.Float64: random.random(), pl.String: str(random.randint(1, 9)), pl.Boolean: random.random() < 0.5,
            pl.Date: date(2024, 1, random.randint(1, 28)), pl.Time: time(random.randint(9, 17))}  # fmt: skip
    return made.get(dtype)
