"""What a row of features is given beside bars, by the table that it comes from."""

from tosho.features.records.record import Grain, Made, Records, Tables, made_of, with_records

ALL: tuple[Records, ...] = ()
"""Every kind of record that definitions may read."""


def records_of(names: frozenset[str]) -> tuple[Records, ...]:
    """Return the records that give some of these columns."""
    return tuple(records for records in ALL if names.intersection(records.given))


__all__ = ["ALL", "Grain", "Made", "Records", "Tables", "made_of", "records_of", "with_records"]
