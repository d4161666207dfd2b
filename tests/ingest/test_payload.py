"""Bytes to tables of text: exact, whichever way a page is read, and never another error than a typed one."""

import gzip
import json

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tosho.ingest import PayloadError, payload
from tosho.ingest.cutting import cut
from tosho.ingest.payload import csv_frame, read_json, read_object, rows_frame, unpack

NUMBERS = ("0", "-0", "1.50", "1e5", "-1E-7", "0.10", "12345678901234567890123", "1e999")
PLAIN = st.text(st.sampled_from('ab,:{}[] "\\/.é極\t\n'), max_size=6)
NUMBER = st.sampled_from(NUMBERS)
SCALAR = PLAIN.map(lambda text: json.dumps(text, ensure_ascii=False)) | NUMBER | st.sampled_from(("null", "true", '""'))
NESTED = st.sampled_from(('{"O": 1, "P":[1,{"a":"}"}]}', "[]", '["O",2]', "{}"))
NAMES = st.sampled_from(("O", "Date", "", "名前", "a b", ":", ",", "AdjVo", 'q"q'))


def frame(*rows_as_sent):
    return rows_frame(read_json(f'{{"data":[{",".join(rows_as_sent)}]}}'.encode(), "a test").rows)


def as_sent(row, comma, colon):
    return "{" + comma.join(json.dumps(name, ensure_ascii=False) + colon + value for name, value in row) + "}"


@st.composite
def pages(draw):
    """Rows as JSON text: mostly of one form, as they come, and sometimes not."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    values = draw(st.sampled_from((NUMBER, SCALAR, SCALAR | NESTED)))
    comma, colon = draw(st.sampled_from(((",", ":"), (", ", ": "), (" ,", " : "), (",\n", ":"))))
    count = draw(st.integers(1, 5))
    all_there = draw(st.booleans())
    made = []
    for _ in range(count):
        row = [(name, draw(values)) for name in names]
        made.append(as_sent(row if all_there else draw(st.permutations(row))[: draw(st.integers(1, 4))], comma, colon))
    return made


def oracle(sent):
    """Return what Python's own reader makes of rows, value by value; maps and lists are left out of the comparison."""
    loaded = [json.loads(row, parse_int=str, parse_float=str) for row in sent]
    names = dict.fromkeys(name for row in loaded for name in row)

    def text(value):
        return "true" if value is True else value

    return {name: [text(row.get(name)) for row in loaded] for name in names}


@settings(max_examples=150, deadline=None)
@given(pages())
def test_it_reads_what_pythons_reader_reads(sent):
    got, expected = frame(*sent).to_dict(as_series=False), oracle(sent)
    assert list(got) == list(expected)
    for name, values in expected.items():
        for value, same in zip(values, got[name], strict=True):
            if isinstance(value, (dict, list)):
                assert json.loads(same, parse_int=str, parse_float=str) == value
            else:
                assert same == value


@settings(max_examples=150, deadline=None)
@given(pages())
def test_a_page_that_is_cut_is_as_if_each_value_were_read(sent):
    given_rows = read_json(f'{{"data":[{",".join(sent)}]}}'.encode(), "a test").rows
    alike = cut(given_rows)
    assert alike is None or alike.equals(payload._decoded(given_rows))


LENGTHS = st.text(st.sampled_from("0aé極"), max_size=20).map(lambda text: json.dumps(text, ensure_ascii=False))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(LENGTHS | NUMBER | st.just("null"), LENGTHS), min_size=1, max_size=6))
def test_values_of_every_length_are_cut(values):
    sent = [as_sent([("O", first), ("a long name", second)], ",", ":") for first, second in values]
    given_rows = read_json(f'{{"data":[{",".join(sent)}]}}'.encode(), "a test").rows
    assert cut(given_rows).equals(payload._decoded(given_rows))


def test_the_last_name_is_shorter_than_the_first_rows():
    rows = frame('{"a":1,"a name of many more characters":2}', '{"a":3,"b":4}')
    assert rows.to_dict(as_series=False) == {
        "a": ["1", "3"],
        "a name of many more characters": ["2", None],
        "b": [None, "4"],
    }


def test_a_row_that_is_no_object_is_not_cut():
    given_rows = read_json(b'{"data":[{"a":1},2]}', "a test").rows
    assert cut(given_rows) is None


BAR = '{"Date":"2018-11-16","Code":"13010","O":100.50,"UL":"0","Vo":null}'


@pytest.mark.parametrize("row", [BAR, BAR.replace(":", ": ").replace(",", ", "), BAR.replace("100.50", '""')])
def test_pages_of_bars_are_cut(row):
    given_rows = read_json(f'{{"data":[{row},{row}]}}'.encode(), "a test").rows
    assert cut(given_rows) is not None


@pytest.mark.parametrize(
    ("second", "value"),
    [
        ('{"a":"x,y","b":1}', "x,y"),
        ('{"a":",","b":1}', ","),
        ('{"a":","}', ","),
        ('{"a":"}","b":1}', "}"),
        ('{"a":"\\"","b":1}', '"'),
        ('{"b":1,"a":"z"}', "z"),
        ('{"a":"z" ,"b":1}', "z"),
        ('{"a":1,"a":"z","b":1}', "z"),
        ('{"a":{"b": [1]},"b":1}', '{"b": [1]}'),
        ('{"a":[1.50],"b":1}', "[1.50]"),
        ('{"b":1}', None),
        ('{"a":" z ","b":1}', " z "),
        ('{"a":"null","b":1}', "null"),
    ],
)
def test_a_row_unlike_the_first(second, value):
    assert frame('{"a":1,"b":2}', second)["a"].to_list() == ["1", value]


def test_as_many_commas_in_all_though_not_in_each():
    assert frame('{"a":"x,y","b":1}', '{"a":"z"}').to_dicts() == [{"a": "x,y", "b": "1"}, {"a": "z", "b": None}]


def test_maps_stay_the_text_that_was_sent():
    reason = '{"Restricted":"0", "Weight": 1.50}'
    assert frame(f'{{"PubReason":{reason}}}')["PubReason"].to_list() == [reason]


def test_no_rows():
    assert rows_frame(read_json(b'{"data":[]}', "a test").rows).shape == (0, 0)


WHOLE = f'{{"data":[{BAR},{BAR}],"pagination_key":"k"}}'.encode()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4), st.booleans())
def test_any_bytes_are_a_table_or_a_typed_error(changes, cut_short):
    body = bytearray(WHOLE)
    for place, byte in changes:
        body[place] = byte
    sent = bytes(body[: changes[0][0]] if cut_short else body)
    try:
        read = rows_frame(read_json(sent, "a test").rows)
    except PayloadError:
        return
    assert set(read.dtypes) <= {pl.String}
    assert 1 <= read.height <= 2


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_at_all(sent):
    for read in (lambda: read_json(sent, "x"), lambda: read_object(sent, "x", "url"), lambda: csv_frame(sent, "x")):
        try:
            read()
        except PayloadError:
            continue
    with pytest.raises(PayloadError):
        unpack(b"no gzip" + sent, "x")


def test_a_file_that_holds_more_than_is_believed():
    with pytest.raises(PayloadError, match="more than 1,000 bytes"):
        unpack(gzip.compress(b"0" * 1_001), "a/key", largest=1_000)
    assert len(unpack(gzip.compress(b"0" * 1_000), "a/key", largest=1_000)) == 1_000


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"url":5}', b'{"url":""}', b"[" * 100_000])
def test_an_object_without_its_field(body):
    with pytest.raises(PayloadError, match="'url'"):
        read_object(body, "a test", "url")
