"""Ten thousand payloads that nobody should send, pages and files, through the real reading path of every source.

Whatever comes, the outcome is a typed error, or partitions that keep their contract and hold what was sent. A case is
known by source and number: the same bytes come again. `TOSHO_FUZZ_CASES` asks for another count.
"""

import gzip
import json
import os
import random
from collections import Counter

import polars as pl
import pytest

from services.official_rows import encoded, official_rows, page_of
from tosho.contracts import ContractError
from tosho.ingest import NotYetPublishedError, PayloadError, payload
from tosho.ingest.sources import SOURCES
from tosho.simulation.fields import FIELDS
from tosho.storage import Files, Lake

CASES = int(os.environ.get("TOSHO_FUZZ_CASES", "10000"))
WIDE = 25
IN_TURN = [source for source in SOURCES for _ in range(1 if len(FIELDS[source.endpoint]) > WIDE else 2)]
"""Sources with many columns take longest, and come up half as often."""

TYPED = (PayloadError, ContractError, NotYetPublishedError)
GZIP = b"\x1f\x8b"

ODD = [
    *r"""
""
" "
"-"
"*"
"null"
"NaN"
"inf"
"-Infinity"
"1,000"
"\uff11\uff12"
"0x10"
"1e5"
"1e309"
" 12 "
"+1"
"00012"
"1_000"
"."
"2018-02-30"
"9999-12-31"
"0000-00-00"
"0001-01-01"
"20181113"
"2018-11-17"
"2018-11-12"
"2018-11-13T00:00:00Z"
"1900-01-01"
"2262-04-12"
"-2018-11-13"
"2018/11/13"
"25:00"
"24:00:00"
"15:00:00.5"
"9:5"
"18:20:00"
"13010"
"1301"
"130A0"
"130a0"
"99999999999999999999999999"
"\u0000"
"\ud800"
"\udfff\ud800"
"\""
"\\"
"\n"
"\u4f1a\u793e"
"会社"
"😀"
"a,b"
"a\tb"
"}{"
"{"
"}"
"["
"","Code":"13010
null
true
false
0
-0
-1
1
1.5
1e5
1E5
1e308
1e309
-1e999
1e-400
0.1e1
13010
20181113
9223372036854775808
NaN
Infinity
-Infinity
nul
01
1.
.5
+1
[]
{}
[1]
[[]]
{"a":1}
{"a":{"b":[1,{"c":null}]}}
{"Restricted":2}
'x'
""x
x
""".strip().splitlines(),
    *(
        '"\t"',
        '"\x00"',
        '"\n"',
        '"\u202e"',
        '"\ufeff"',
        '"\ud800"',
        '"' + "9" * 400 + '"',
        "9" * 400,
        '"' + "a" * 5_000 + '"',
    ),
    *("[" * 20_000, "[" * 2_000 + "]" * 2_000, '{"a":' * 5_000),
]


# Each changes rows in place, or returns bytes of its own.


def some_values(dice, rows):
    for _ in range(dice.choice([1, 1, 1, 2, 5])):
        row = dice.choice(rows)
        row[dice.choice(list(row))] = dice.choice(ODD)


def a_whole_column(dice, rows):
    name, odd = dice.choice(list(rows[0])), dice.choice(ODD)
    for row in rows:
        row[name] = odd


def a_key_dropped(dice, rows):
    row = dice.choice(rows)
    del row[dice.choice(list(row))]


def a_column_dropped(dice, rows):
    name = dice.choice(list(rows[0]))
    for row in rows:
        del row[name]


def a_key_renamed(dice, rows):
    row = dice.choice(rows)
    name = dice.choice(list(row))
    row[dice.choice([name.lower(), name + " ", "", "x", "Date", "session", name + "\\u0000", "会社"])] = row.pop(name)


def a_column_added(dice, rows):
    name = dice.choice(["Extra", "", "session", "known_at", "Date", "rule", "\\ud800", "a,b", "column_1"])
    for row in rows:
        row[name] = dice.choice(ODD)


def columns_swapped(dice, rows):
    one, other = dice.choice(list(rows[0])), dice.choice(list(rows[0]))
    for row in rows:
        row[one], row[other] = row[other], row[one]


def keys_in_another_order(dice, rows):
    names = list(rows[-1])
    dice.shuffle(names)
    rows[-1] = {name: rows[-1][name] for name in names}


def rows_repeated(dice, rows):
    rows += [dict(dice.choice(rows)) for _ in range(dice.choice([1, 3, 40]))]
    some_values(dice, rows)


def rows_empty(dice, rows):
    rows[dice.randrange(len(rows))] = {}


def rows_of_other_kinds(dice, rows):
    places = [page_of(rows[:n])[9:-2] for n in range(1, len(rows) + 1)]
    return b'{"data":[' + dice.choice(places) + b"," + encoded(dice.choice(ODD)) + b"]}"


def another_envelope(dice, rows):
    rest = dice.choice(ODD)
    return encoded(dice.choice([
        f'{{"data":{rest}}}', f'{{"rows":[{rest}]}}', rest, f"[{rest}]", '{"data":[]}', "{}", "",
        f'{{"data":[],"data":[{rest}]}}', f'{{"message":{rest}}}', '{"data":[{}]}', '{"data":[{},{}]}',
    ]))  # fmt: skip


def another_key_to_the_next_page(dice, rows):
    return page_of(rows, rest=',"pagination_key":' + dice.choice(ODD))


def bytes_flipped(dice, rows):
    body = bytearray(page_of(rows))
    for _ in range(dice.choice([1, 1, 2, 8, 60])):
        body[dice.randrange(len(body))] ^= 1 << dice.randrange(8)
    return bytes(body)


def bytes_cut_or_doubled(dice, rows):
    body = page_of(rows)
    begin, end = sorted(dice.choices(range(len(body) + 1), k=2))
    return dice.choice([body[:begin], body[begin:], body[:begin] + body[end:], body[:end] + body[begin:]])


def bytes_put_in(dice, rows):
    body, at = page_of(rows), dice.randrange(10_000)
    odd = dice.choice([b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r\n", b" ", b",", b'"', b"}", dice.randbytes(5)])
    at %= len(body)
    return body[:at] + odd + body[at:]


def another_encoding(dice, rows):
    text = page_of(rows).decode()
    return text.encode(dice.choice(["utf-16", "utf-8-sig", "shift_jis", "utf-7", "utf-32-le"]), "replace")


OF_ROWS = [
    some_values, some_values, a_whole_column, a_whole_column, a_key_dropped, a_column_dropped, a_key_renamed,
    a_column_added, columns_swapped, keys_in_another_order, rows_repeated, rows_empty,
]  # fmt: skip
OF_BYTES = [
    rows_of_other_kinds, another_envelope, another_key_to_the_next_page, bytes_flipped, bytes_flipped,
    bytes_cut_or_doubled, bytes_put_in, another_encoding,
]  # fmt: skip


def mutated(source, number):
    """Return the bytes of a case: a page of JSON, or every seventh time a file of CSV."""
    dice = random.Random(f"{source.table} {number}")
    rows = [dict(row) for row in official_rows(source.endpoint)]
    if not number % 7:  # so that every source has its turn
        return a_file(dice, rows)
    change = dice.choice(OF_ROWS + OF_BYTES)
    return change(dice, rows) or page_of(rows, gap=dice.choice(["", "", " "]))


def a_file(dice, rows):
    """Return rows as CSV, changed as rows or as bytes, packed or nearly so."""
    if dice.random() < 0.5:
        dice.choice(OF_ROWS)(dice, rows)
    lines = [",".join(rows[-1]), *(",".join(sent.strip('"') for sent in row.values()) for row in rows)]
    body = bytearray(encoded("\n".join(lines) + "\n"))
    if dice.random() < 0.5:
        at = dice.randrange(len(body))
        body[at : at + dice.choice([0, 0, 1, 9])] = dice.choice(
            [b"", b'"', b",", b"\n", b"\r", b"\xff", b"\x00", b'""']
        )
    packed = gzip.compress(bytes(body), compresslevel=1, mtime=0)
    if dice.random() < 0.1:
        packed = packed[: dice.randrange(len(packed))] + dice.choice([b"", b"\x00" * 9])
    return packed


def as_sent(body):
    """Return rows read by another reader, each value as the characters that were sent; maps and lists as None."""
    rows = json.loads(body, parse_float=str, parse_int=str)["data"]
    return [{name: _characters(sent) for name, sent in row.items()} for row in rows]


def _characters(sent):
    return str(sent).lower() if isinstance(sent, bool) else sent if isinstance(sent, str) else None


def differs(rows, body):
    """Tell whether a frame holds anything but what was sent."""
    for found, sent in zip(rows.to_dicts(), as_sent(body), strict=True):
        nested = {name for name, text in found.items() if str(text).startswith(("{", "["))}
        if any(found[name] != sent.get(name) for name in found if name not in nested):
            return True
    return False


class Reader:
    """The path from a page's bytes to the lake, each case in a lake of its own."""

    def __init__(self, folder):
        self.folder, self.published = folder, Counter()
        self._seen = set()

    def read(self, source, body, number):
        """Return what comes of a body: `published`, or the name of a typed error; anything else is a defect."""
        try:
            good = source.check(source.read(self.rows(source, body))).good
            for (session,), part in good.partition_by("session", as_dict=True).items():
                self.publish(source, session, part, Lake(Files(f"file://{self.folder}/{source.table}-{number}")))
        except TYPED as error:
            return type(error).__name__
        return "published" if good.height else "nothing good"

    def rows(self, source, body):
        if body.startswith(GZIP):
            return payload.csv_frame(payload.unpack(body, source.name), source.name)
        rows = payload.rows_frame(payload.read_json(body, source.endpoint).rows)
        assert not differs(rows, body), "what was read is not what was sent"
        return rows

    def publish(self, source, session, part, lake):
        """Publish rows and look at what stands there then; rows that were published before end as they did."""
        rows = hash((source.table, tuple(part.rows())))
        if rows in self._seen:
            return
        lake.publish(source.table, session, part, contract=source.contract)
        again = lake.read(source.table, session)
        assert source.contract.conform(again).equals(again)
        assert again.height == part.height
        assert again["session"].to_list() == [session] * again.height
        odd = [name for name, sent in again.select(pl.col(pl.Float64)).to_dict().items() if not sent.is_finite().all()]
        assert not odd, f"a number that is none was published in {odd}"
        self.published[source.table] += 1
        self._seen.add(rows)


@pytest.fixture
def reader(tmp_path, monkeypatch):
    """What is written need not reach the disk here."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return Reader(tmp_path)


@pytest.mark.parametrize("source", SOURCES, ids=str)
def test_what_is_mutated_is_good_before(source, reader):
    assert reader.read(source, page_of(official_rows(source.endpoint)), 0) == "published"


@pytest.mark.parametrize(
    ("table", "name", "sent"),
    [("indices", "Date", '"9999-12-31"'), ("indices", "C", '"NaN"'), ("indices", "C", "1e999"),
     ("securities", "CoName", '"\\ud800"'), ("securities", "CoName", '{"a":1}'),
     ("margin_alerts", "Code", "[" * 20_000), ("statements", "DiscDate", '"0001-01-01"'), ("bars", "Code", '"","Code":"13010')],
)  # fmt: skip
def test_single_values_that_readers_have_stumbled_over(table, name, sent, reader):
    source = next(source for source in SOURCES if source.table == table)
    body = page_of([row | {name: sent} for row in official_rows(source.endpoint)])
    assert reader.read(source, body, 0) in {"PayloadError", "ContractError", "nothing good", "published"}


def test_mutated_payloads_end_in_typed_errors_or_sound_partitions(reader):
    outcomes, defects = Counter(), {}
    for number in range(CASES):
        source = IN_TURN[number % len(IN_TURN)]
        body = mutated(source, number)
        try:
            outcomes[reader.read(source, body, number)] += 1
        except BaseException as error:  # a panic of the engine is no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            told = f"{source.table}: {type(error).__name__}: {str(error)[:300]}"
            kind = (source.table, type(error).__name__, str(error)[:25])
            defects[kind] = min(defects.get(kind, (body, told, number)), (body, told, number), key=lambda d: len(d[0]))
    assert [(number, told, body[:300]) for body, told, number in defects.values()] == [], outcomes
    assert set(reader.published) == {source.table for source in SOURCES}
    assert min(outcomes[kind] for kind in ("published", "PayloadError", "ContractError")) > CASES // 10
