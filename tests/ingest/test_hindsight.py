"""What a bulk file has of a session that was not there on its evening: no file makes it known earlier than it was."""

import gzip
from datetime import UTC, date, datetime, time

import polars as pl
import pytest

from services.jquants import COMMON, LETTERS
from tosho.calendar import JST, next_session, previous_session
from tosho.ingest import ingest_history, ingest_session
from tosho.storage import raw

FINS = "/v2/fins/summary"
OF_TWO_MONTHS, OF_ONE = date(2018, 10, 31), date(2018, 11, 14)
TABLES = ("statements", "shares")
BOTH = pytest.mark.parametrize("day", [OF_TWO_MONTHS, OF_ONE])


def silent(stage, done, of):
    pass


def hiding(day):
    """Return a tamperer that holds back what a company disclosed on a day before the edition of six."""

    def held_back(row):
        return (row["Code"], row["DiscDate"]) == (COMMON, day.isoformat())

    return lambda path, rows: [row for row in rows if path != FINS or not held_back(row)]


def written(year):
    """Return a tamperer that dates the files of a list."""
    return lambda path, rows: (
        [file | {"LastModified": f"{year}-01-01T00:00:00Z"} for file in rows] if path == "/v2/bulk/list" else rows
    )


@pytest.fixture
def day():
    """Return the session of a document that comes late, the last of its month if nothing else is said."""
    return OF_TWO_MONTHS


@pytest.fixture
def after(day):
    return next_session(day)


@pytest.fixture
def evening(monkeypatch):
    """Set the clock by which payloads arrive to seven in the evening of a session."""

    def of(session):
        class Clock(datetime):
            @classmethod
            def now(cls, tz=None):
                return datetime.combine(session, time(19), JST).astimezone(tz)

        monkeypatch.setattr(raw, "datetime", Clock)

    return of


@pytest.fixture
def daily(lake, client, evening):
    """Take sessions in, each on its own evening."""

    def run(*sessions):
        for session in sessions:
            evening(session)
            ingest_session(session, lake, client)

    return run


@pytest.fixture
def from_files(lake, client, tampering):
    """Take sessions from files that were written in a year to come."""

    def run(first, last, year=2990):
        tampering.rows = written(year)
        return ingest_history(first, last, lake, client, silent)["published"]

    return run


@pytest.fixture
def content(lake):
    """Return what stands in the tables of fins/summary for some sessions."""
    return lambda *sessions: {(table, day): lake.read(table, day).rows() for table in TABLES for day in sessions}


def standing(lake, session, day):
    """Return since when the document of a day is known by a session's partition."""
    found = lake.read("statements", session).filter(pl.col("code") == COMMON, pl.col("disclosed_on") == day)
    return found["known_at"].unique().to_list()


def last_edition(day):
    return datetime(day.year, day.month, day.day, 15, 30, tzinfo=UTC)


class TestADocumentThatCameLate:
    @pytest.fixture
    def recorded(self, day, after, lake, client, tampering):
        """Hold the document back from its session, taken in long afterwards, and let it come with the next one."""
        tampering.rows = hiding(day)
        ingest_session(day, lake, client)
        tampering.honest()
        ingest_session(after, lake, client)
        assert standing(lake, after, day) == [last_edition(day)]

    @BOTH
    @pytest.mark.usefixtures("recorded")
    def test_no_file_makes_it_known_earlier(self, day, after, from_files, content):
        before = content(day, after)
        assert from_files(day, after) == 2
        assert content(day, after) == before

    @pytest.mark.usefixtures("recorded")
    def test_nor_one_session_after_the_other(self, day, after, from_files, content):
        before = content(day, after)
        assert (from_files(day, day), from_files(after, after), from_files(day, after)) == (1, 1, 0)
        assert content(day, after) == before

    @BOTH
    @pytest.mark.usefixtures("recorded")
    def test_nor_the_newest_first(self, day, after, from_files, content):
        before = content(day, after)
        assert (from_files(after, after), from_files(day, day), from_files(day, after)) == (1, 1, 0)
        assert content(day, after) == before

    @pytest.mark.usefixtures("recorded")
    def test_it_stays_where_the_files_do_not_have_it(self, day, after, from_files, content, tampering):
        """A file of the night after may have been written before the document came."""
        before = content(day, after)
        own = f"{day}{COMMON},".encode(), f"{day}x,".encode()

        def without(body):
            return b"".join(line for line in body.splitlines(keepends=True) if not any(mark in line for mark in own))

        tampering.file = lambda path, packed: gzip.compress(without(gzip.decompress(packed)))
        for year in (2990, 2991):
            from_files(day, after, year)
            assert content(day, after) == before

    @pytest.mark.usefixtures("recorded")
    def test_a_lake_where_it_stands_in_both_is_mended(self, day, after, lake, from_files, content):
        before = content(day, after)
        for table in TABLES:
            late = lake.read(table, after).filter(pl.col("known_at") == last_edition(day), pl.col("code") == COMMON)
            early = late.with_columns(session=day, known_at=datetime(day.year, day.month, day.day, 9, tzinfo=UTC))
            both = pl.concat([lake.read(table, day), early]).sort("code", "known_at")
            lake.publish(table, day, both, sources=lake.manifest(table, day).sources)
        assert len(standing(lake, day, day)) == 1
        from_files(day, after)
        assert content(day, after) == before
        assert from_files(day, after) == 0

    @pytest.mark.usefixtures("recorded")
    def test_a_run_again_of_its_session_does_not_make_it_known_earlier(self, day, after, lake, client, content):
        before = content(day, after)
        for session in (day, after):
            ingest_session(session, lake, client)
            ingest_session(session, lake, client, [COMMON])
        assert content(day, after) == before


class TestADocumentThatOnlyTheFileHas:
    @pytest.fixture
    def evenings(self, day, after, daily, tampering):
        tampering.rows = hiding(day)
        daily(day, after)

    @BOTH
    @pytest.mark.usefixtures("evenings")
    @pytest.mark.parametrize("ranges", [(0, 1), (0, 0), (1, 1)], ids=["both", "its own", "the next"])
    def test_it_is_known_from_the_next_session_on(self, day, after, lake, from_files, ranges):
        first, last = ((day, after)[place] for place in ranges)
        from_files(first, last)
        assert (standing(lake, day, day), standing(lake, after, day)) == ([], [last_edition(day)])

    @BOTH
    @pytest.mark.usefixtures("evenings")
    def test_files_that_are_newer_still_say_the_same(self, day, after, from_files, content):
        from_files(day, after)
        before = content(day, after)
        assert from_files(day, after, 2991) == 2
        assert content(day, after) == before

    @pytest.mark.usefixtures("evenings")
    def test_the_second_time_nothing_is_written(self, day, after, lake, from_files, tmp_path):
        def everything():
            return {path: path.read_bytes() for path in (tmp_path / "lake").rglob("*") if path.is_file()}

        from_files(day, after)
        before = everything()
        assert from_files(day, after) == 0
        assert everything() == before

    def test_it_is_known_by_its_own_time_where_the_lake_was_filled_long_afterwards(
        self, day, after, lake, client, tampering, from_files
    ):
        tampering.rows = hiding(day)
        for session in (day, after):
            ingest_session(session, lake, client)
        from_files(day, after)
        assert (len(standing(lake, day, day)), standing(lake, after, day)) == (1, [])

    def test_a_session_that_is_taken_in_after_the_file_has_it(self, day, after, lake, daily, from_files, tampering):
        tampering.rows = hiding(day)
        daily(day)
        from_files(day, day)
        tampering.honest()
        daily(after)
        assert (standing(lake, day, day), standing(lake, after, day)) == ([], [last_edition(day)])

    @BOTH
    @pytest.mark.usefixtures("evenings")
    def test_it_comes_to_a_session_that_was_repaired_since_the_file_was_written(
        self, day, after, lake, client, evening, from_files, tampering
    ):
        evening(date(2992, 1, 1))
        tampering.rows = lambda path, rows: [
            row | {"Sales": "7"} if path == FINS else row for row in hiding(day)(path, rows)
        ]
        ingest_session(after, lake, client, [COMMON])
        repaired = lake.manifest("statements", after).sources
        from_files(day, after, 2991)
        found = lake.read("statements", after).filter(pl.col("disclosed_on") == after)
        assert set(found.filter(pl.col("code") == COMMON)["sales"]) == {7.0}
        assert standing(lake, after, day) == [last_edition(day)]
        assert lake.manifest("statements", after).sources[: len(repaired)] == repaired
        assert from_files(day, after, 2991) == 0


def test_evidence_of_an_evening_outlives_files_that_say_nothing_new(daily, from_files, lake, tampering):
    day, after = OF_ONE, next_session(OF_ONE)
    daily(day, after)
    from_files(day, after)
    late = b"2018-11-14y"

    def with_another(body):
        more = next(line for line in body.splitlines(keepends=True) if b"2018-11-14x" in line)
        return body + more.replace(b"2018-11-14x", late)

    tampering.file = lambda path, packed: (
        gzip.compress(with_another(gzip.decompress(packed))) if "summary_20181114" in path else packed
    )
    from_files(day, after, 2991)
    assert late.decode() not in lake.read("statements", day)["number"].to_list()
    assert late.decode() in lake.read("statements", after)["number"].to_list()


def test_what_was_in_time_stays_in_time_beside_a_second_document_of_the_evening(daily, from_files, content, tampering):
    """The shares of a code bear no number: one of three o'clock and one of twenty past six are told apart by time."""
    day, after = OF_TWO_MONTHS, next_session(OF_TWO_MONTHS)

    def both(rows):
        return [row | {"Code": COMMON} if row["Code"] == LETTERS else row for row in rows]

    tampering.rows = lambda path, rows: both(rows) if path == FINS else rows
    daily(day, after)
    before = content(day, after)
    tampering.file = lambda path, packed: gzip.compress(
        gzip.decompress(packed).replace(f",{LETTERS},".encode(), f",{COMMON},".encode())
        if "fins" in path
        else gzip.decompress(packed)
    )
    from_files(day, after)
    assert content(day, after) == before
    assert from_files(day, after) == 0


def test_of_two_documents_of_a_code_in_one_edition_the_late_one_gives_way(daily, lake, tampering):
    day, after = OF_TWO_MONTHS, next_session(OF_TWO_MONTHS)

    def both(rows):
        return [row | {"Code": COMMON} if row["Code"] == LETTERS else row for row in rows]

    tampering.rows = lambda path, rows: hiding(day)(path, rows) if path == FINS else rows
    daily(day)
    tampering.rows = lambda path, rows: both(rows) if path == FINS else rows
    daily(after)
    assert lake.read("shares", after)["shares_outstanding"].to_list() == [2_000_000.0]


def test_an_answer_of_the_evening_before_is_no_proof_of_an_evening(
    day, daily, lake, client, evening, from_files, tampering
):
    """The answers of a day stand in two manifests; the second session may have been taken in long after the first."""
    daily(previous_session(day))
    evening(date(2989, 1, 4))
    tampering.rows = hiding(day)
    ingest_session(day, lake, client)
    from_files(day, day)
    assert len(standing(lake, day, day)) == 1
