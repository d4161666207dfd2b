"""What a row of features is given beside bars, by the table that it comes from."""

from tosho.features.records.earnings import EARN
from tosho.features.records.flows import FLOWS
from tosho.features.records.margin import ALERT_LIST, ALERTS, MARGIN, MARGIN_WEEKS
from tosho.features.records.options import OPTIONS
from tosho.features.records.record import Grain, Made, Records, Tables, made_of, with_records
from tosho.features.records.short_selling import SECTOR_SHORT, SHORT_POSITIONS
from tosho.features.records.statements import FUND

ALL = (FLOWS, MARGIN, MARGIN_WEEKS, ALERTS, ALERT_LIST, SECTOR_SHORT, SHORT_POSITIONS, FUND, EARN, OPTIONS)
"""Every kind of record that definitions may read."""


def records_of(names: frozenset[str]) -> tuple[Records, ...]:
    """Return the records that give some of these columns."""
    return tuple(records for records in ALL if names.intersection(records.given))


__all__ = ["ALL", "Grain", "Made", "Records", "Tables", "made_of", "records_of", "with_records"]
