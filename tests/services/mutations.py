"""Payloads that nobody should send: good rows of a source, spoiled by seeded chance as rows, as text or as bytes."""

import gzip
import random

from services.official_rows import encoded, official_rows, page_of

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
