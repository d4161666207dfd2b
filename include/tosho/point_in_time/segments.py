"""The market segments of the TSE through time: which codes there were, and what became of them on 2022-04-04.

On that session the five segments became three. Companies of the first section chose between Prime and Standard, so
that no table can tell for a code: its listing does, from that session on, and until then nobody could trade on it.
Source: TSE, "Results of the selection of new market segments" (2022-01-11): who did not choose was taken to have
chosen Standard from the first and second section and JASDAQ Standard, Growth from Mothers and JASDAQ Growth. Of the
first section four in five chose Prime; of the others all went that way, but for one company from Mothers to Standard
(companies moved by another route, an examination). Codes and names: J-Quants' reference data.
"""

from __future__ import annotations

from datetime import date
from typing import Final, NamedTuple

CHANGED: Final = date(2022, 4, 4)
"""The first session with Prime, Standard and Growth."""


class Segment(NamedTuple):
    """A market code of `securities`, the sessions in which it is in use, and where its companies could go at its end.

    `until` is the first session without it, None while it is in use. `successors` are the segments that were open to
    its companies without an examination.
    """

    code: str
    name: str
    since: date | None
    until: date | None
    successors: tuple[str, ...] = ()


SEGMENTS: Final = (
    Segment("0101", "First Section", None, CHANGED, ("0111", "0112")),
    Segment("0102", "Second Section", None, CHANGED, ("0112",)),
    Segment("0104", "Mothers", None, CHANGED, ("0113",)),
    Segment("0105", "TOKYO PRO Market", None, None),
    Segment("0106", "JASDAQ Standard", None, CHANGED, ("0112",)),
    Segment("0107", "JASDAQ Growth", None, CHANGED, ("0113",)),
    Segment("0109", "others: ETF, REIT ...", None, None),
    Segment("0111", "Prime", CHANGED, None),
    Segment("0112", "Standard", CHANGED, None),
    Segment("0113", "Growth", CHANGED, None),
)
"""Every market code that J-Quants knows. None for `since`: before its data begins, on 2008-05-07."""


class UnknownSegmentError(KeyError):
    """A market code is in no table."""

    def __str__(self) -> str:
        """Return the sentence as it is: KeyError would show it quoted."""
        return str(self.args[0])


def in_use(session: date) -> tuple[str, ...]:
    """Return the market codes that a listing of a session may bear.

    >>> in_use(date(2022, 4, 4))
    ('0105', '0109', '0111', '0112', '0113')
    """
    return tuple(
        segment.code
        for segment in SEGMENTS
        if (segment.since is None or segment.since <= session) and (segment.until is None or session < segment.until)
    )


def successor(code: str) -> str | None:
    """Return the segment into which a former one's companies went, itself for one still in use; None where they chose.

    For setting groups beside each other over time, never to tell one company's segment: that is in its listing. The
    first section has none, as its companies went to Prime or to Standard.

    >>> successor("0106"), successor("0113"), successor("0101")
    ('0112', '0113', None)

    Raises:
        UnknownSegmentError: There is no such code.
    """
    segment = next((segment for segment in SEGMENTS if segment.code == code), None)
    if segment is None:
        known = ", ".join(segment.code for segment in SEGMENTS)
        raise UnknownSegmentError(
            f"No market segment has the code {code!r}; known are {known}. Add it to SEGMENTS if J-Quants has a new one."
        )
    if segment.until is None:
        return code
    return segment.successors[0] if len(segment.successors) == 1 else None
