"""CSVs in the wild: what separates, encloses, names and types their cells, and what is said about it."""

from __future__ import annotations

import csv
import gzip
import io
from datetime import UTC, datetime, timedelta, timezone

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings, strategies as some

from vaekit.data.delimited.options import MISSING
from vaekit.data.table.raw import ReadOptions
from vaekit.data.table.reading import read_raw


@pytest.fixture
def read(tmp_path):
    def write_and_read(content, name="a.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_raw(path, ReadOptions(**options))

    return write_and_read


def types(raw):
    return {field.name: str(field.type) for field in raw.table.schema}


def test_each_column_gets_its_type_and_missing_cells_are_null_and_told(read):
    raw = read("n,x,t,word,none\n1,1.50,true,a,\n?,2,FALSE,N/A,\n3,-1e3,,ü,\n")
    assert raw.table.to_pydict() == {
        "n": [1, None, 3], "x": [1.5, 2.0, -1000.0], "t": [True, False, None], "word": ["a", None, "ü"], "none": [None] * 3,
    }  # fmt: skip
    assert types(raw) == {"n": "int64", "x": "double", "t": "bool", "word": "string", "none": "string"}
    assert raw.notes == (
        "'?' marks a missing cell in n (1)", "'' marks a missing cell in t (1), none (3)", "'N/A' marks a missing cell in word (1)",
    )  # fmt: skip
    assert raw.parts is None


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
def test_the_delimiter_is_found(read, delimiter, name):
    content = f'a{delimiter}b\n1{delimiter}"x, y"\n2{delimiter}"z; {delimiter}"\n'.encode()
    raw = read(gzip.compress(content) if name.endswith("gz") else content, name)
    assert raw.table.to_pydict() == {"a": [1, 2], "b": ["x, y", f"z; {delimiter}".strip()]}
    assert bool(raw.notes) == (delimiter != ",") or "spaces" in raw.notes[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_the_encoding_is_found(read, encoding):
    raw = read("größe,b\n1,é\n".encode(encoding))
    assert raw.table.to_pydict() == {"größe": [1], "b": ["é"]}
    assert any("encoding" in note for note in raw.notes) == (not encoding.startswith("utf-8"))


def test_an_encoding_may_be_given_and_a_wrong_one_is_told(read):
    assert read("a,b\n1,ж\n".encode("cp1251"), encoding="cp1251").table["b"].to_pylist() == ["ж"]
    with pytest.raises(ValueError, match=r"a\.csv must be a CSV, but cannot be read \(it is not ascii"):
        read("a,b\n1,ж\n", encoding="ascii")
    note = read(b"a,b\n1,x\n2,caf\xe9\n").notes[0]
    assert read(b"a,b\n1,caf\xe9").table["b"].to_pylist() == ["café"]
    assert note == "line 3 is not UTF-8: the encoding is taken to be cp1252 (encoding=... changes that)"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("39, State-gov, 2174\n50, Private, 0\n38, Private, 0\n40, State-gov, 1\n", ["c0", "c1", "c2"]),
        ("1,2,3\n4,5,6\n", ["c0", "c1", "c2"]),
        ("age,job\n39,x\n", ["age", "job"]),
        ("city,mayor\nRome,Ann\nParis,Bea\n", ["city", "mayor"]),
        ("country,2019,2020,2021\nFR,1,2,3\nDE,4,5,7\n", ["country", "2019", "2020", "2021"]),
        ("0,1,2\n5.5,6,1\n7,1,2\n", ["0", "1", "2"]),
        ("yes,no\nno,no\nyes,yes\n", ["c0", "c1"]),
        (",b\n0,2\n1,4\n", ["c0", "b"]),
        ("a,b,\n1,2,\n3,4,\n", ["a", "b"]),
        ('"a\nb",c\n1,2\n', ["a\nb", "c"]),
    ],
)
def test_a_header_is_told_from_a_row(read, content, names):
    raw = read(content)
    assert raw.table.column_names == names
    assert any("no line names" in note for note in raw.notes) == (names[-1][0] == "c" and names[0] == "c0")


def test_the_header_may_be_said_and_known_names_serve_where_there_is_none(read):
    assert read("a,b\nc,d\n", header="no").table.num_rows == 2
    assert read("1,2\n3,4\n", header="yes").table.column_names == ["1", "2"]
    assert read("39,x\n", names=("age", "job")).table.to_pydict() == {"age": [39], "job": ["x"]}
    assert read("job,age,more\nx,39,y\n", names=("age", "job")).table.column_names == ["job", "age", "more"]


def test_spaces_behind_delimiters_and_quotes_of_either_kind(read):
    assert read('a, b\n1, "x, ""y"""\n2, z\n').table.to_pydict() == {"a": [1, 2], "b": ['x, "y"', "z"]}
    assert read("a,b\n1,'x, y'\n2,'z'\n").table["b"].to_pylist() == ["x, y", "z"]
    assert read('a,b\n1,"x\ny"\n\n2,z\n').table["b"].to_pylist() == ["x\ny", "z"]
    raw = read("a, b\n 1,x \n2, y\n")
    assert (raw.table["b"].to_pylist(), raw.notes) == (["x", "y"], ("spaces around the cells are removed: a, b",))


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1.234,50", "7", "-3,25"], [1234.5, 7.0, -3.25]),
        (["1,234.50", "7", "12,345,678"], [1234.5, 7.0, 12345678.0]),
        (["1,234", "7"], [1234, 7]),
        (["0,234", "7"], [0.234, 7.0]),
        (["1 234,5", "7"], [1234.5, 7.0]),
        (["$1,234.50", "-$7"], [1234.5, -7.0]),
        (["45%", "7 %"], [45, 7]),
        (["02139", "10001"], ["02139", "10001"]),
        (["12345678901234567890123", "5"], ["12345678901234567890123", "5"]),
        (["9223372036854775807", "-9223372036854775808"], [2**63 - 1, -(2**63)]),
        (["1e5", ".5"], [1e5, 0.5]),
        (["0x10", "0x11"], ["0x10", "0x11"]),
    ],
)
def test_numbers_as_people_write_them(read, cells, values):
    found = read("n;x\n" + "".join(f"{cell};y\n" for cell in cells)).table["n"].to_pylist()
    assert found == values
    assert list(map(type, found)) == list(map(type, values))


def test_one_decimal_comma_decides_for_the_other_columns(read):
    raw = read("a;b;c\n1,5;1,234;1.234\n2,25;7,500;950\n")
    assert raw.table.to_pydict() == {"a": [1.5, 2.25], "b": [1.234, 7.5], "c": [1234, 950]}
    assert "'1.234' is read as 1234: c" in raw.notes


WINTER = datetime(2024, 1, 31, 10, 5, tzinfo=None)


@pytest.mark.parametrize(
    ("cells", "type_", "first"),
    [
        (["2024-01-31", "2024-02-29"], "timestamp[s]", WINTER.replace(hour=0, minute=0)),
        (["2024-01-31T10:05", "2024-02-29 00:00:01"], "timestamp[s]", WINTER),
        (["2024-01-31 10:05:00.000", "2024-02-29 00:00:01.5"], "timestamp[ms]", WINTER),
        (["31/01/2024", "1/2/2024"], "timestamp[s]", WINTER.replace(hour=0, minute=0)),
        (["01/31/2024 10:05 AM", "1/2/2024 3:00 PM"], "timestamp[s]", WINTER),
        (["31.01.2024 10:05", "1.2.2024 9:00"], "timestamp[s]", WINTER),
        (["2024/1/31", "2024/12/1"], "timestamp[s]", WINTER.replace(hour=0, minute=0)),
        (["31 Jan 2024", "1-feb-2024"], "timestamp[s]", WINTER.replace(hour=0, minute=0)),
        (["January 31, 2024", "Sept. 1 2024"], "timestamp[s]", WINTER.replace(hour=0, minute=0)),
        (["2024-01-31T10:05Z", "2024-02-29T00:00:00Z"], "timestamp[s, tz=UTC]", WINTER.replace(tzinfo=UTC)),
        (["2024-01-31 10:05 +0200", "2024-07-01 10:05+02:00"], "timestamp[s, tz=+02:00]", WINTER.replace(tzinfo=timezone(timedelta(hours=2)))),
    ],
)  # fmt: skip
def test_times_as_people_write_them(read, cells, type_, first):
    raw = read("t;x\n" + "".join(f"{cell};y\n" for cell in [*cells, "NaT"]))
    assert types(raw)["t"] == type_
    assert raw.table["t"].to_pylist()[::2] == [first, None]


def test_days_that_could_be_months_zones_that_differ_and_days_that_are_none(read):
    raw = read("a,b,c\n01/02/2024,2024-01-31T10:00+01:00,2023-02-29\n03/03/2024,2024-07-31T10:00+02:00,2023-02-28\n")
    assert raw.table["a"][0].as_py() == datetime(2024, 1, 2)
    assert raw.table["c"].to_pylist() == ["2023-02-29", "2023-02-28"]
    assert types(raw)["b"] == "timestamp[s, tz=UTC]"
    assert raw.notes == (
        "'01/02/2024' could be two days: read as month before day: a", "times of 2 zones are brought to UTC: b",
    )  # fmt: skip


def test_marks_may_be_added_and_columns_left_as_strings(read):
    raw = read("a,b\n1,2\n-999,low\n", missing=("-999", "low"), strings=("b",))
    assert raw.table.to_pydict() == {"a": [1, None], "b": ["2", None]}
    raw = read(MIXED, mixed=("age", "b"))
    assert types(raw) == {"age": "string", "b": "string"}
    assert types(read("age,b\n1,2\n3,4\n", mixed=("age",))) == {"age": "int64", "b": "int64"}


MIXED = "age,b\n" + "".join(f"{i},x\n" for i in range(97)) + "low,y\nold,z\nhigh,q\n"

BAD = {
    "ragged": ('a,b\n1,2\n\n"x\ny",3\n4,5,6\n', "all lines of a.csv must have 2 cells as its first, but line 6 has 3;"),
    "short": ("a,b\n1\n2,3\n", "but line 2 has 1; repair it"),
    "names": ("a,b,a\n1,2,3\n", "must have different names, but columns 1 and 3 are called 'a'; rename one"),
    "empty": ("", "a.csv must hold a table, but is empty; give another file"),
    "blank": ("\n \n\n", "a.csv must hold a table, but is empty"),
    "header": ("a,b,c\n", "must have rows, but has nothing below its header (a, b, c); give a table with rows"),
    "spaces": ("a b c\n1 2 3\n4 5 6\n", "has one column when cut at ',', but all its lines hold a space 2 times; use delimiter=space"),
    "binary": (bytes(range(256)), "a.csv must hold text, but byte 0 (line 1) is 0, as in binary files"),
    "late": (b"a,b\n" + b"1,2\n" * 5000 + b"1,\0\n", "byte 20006 (line 5002) is 0"),
    "excel": (b"PK\x03\x04", "must be a CSV, but is a zip archive or an Excel file; save the table as CSV or Parquet"),
    "infinity": ("a,b\n1,x\n-inf,y\n", "column 'a' of a.csv must hold finite numbers, but row 2 has '-inf'; repair it, or declare"),
    "mixed": (MIXED, "column 'age' of a.csv must hold numbers or words, but 97 % of its cells are numbers and 3 are words such as"
              " 'low', 'old', 'high'; declare them missing with missing_marks=low,old,high, or the column categorical in schema.yaml"),
    "quotes": ('a,b\n1,"x\n2,y\n', "the quotes of a.csv must be closed, but the one before 'x' is not; close or remove it"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_told_in_one_sentence(read, name):
    content, said = BAD[name]
    with pytest.raises(ValueError) as error:
        read(content)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_wrong_separator_and_a_damaged_archive(read):
    with pytest.raises(ValueError, match="one column when cut at ',', but all its lines hold a semicolon 1 times"):
        read("a;b\n1;2\n3;4\n", delimiter=",")
    with pytest.raises(ValueError, match="must be a file of gzip, but is damaged"):
        read(gzip.compress(b"a,b\n1,2\n" * 99)[:-9], "a.csv.gz")
    assert read("a b\n1 2\n", delimiter="space").table.to_pydict() == {"a": [1], "b": [2]}


def test_words_among_numbers_are_words_where_they_are_many_or_not_few_enough(read):
    many = "a,b\n" + "".join(f"{i},x\n" for i in range(96)) + "".join(f"C{i},x\n" for i in range(6))
    assert types(read(many))["a"] == types(read("a,b\n1,x\n2,y\nlow,z\n"))["a"] == "string"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"delimiter": "::"}, "delimiter must be one character, such as ; or tab, but is '::'"),
        ({"encoding": "klingon"}, "encoding must be one such as utf-8 or cp1252, but is 'klingon'"),
        ({"header": "maybe"}, "header must be one of auto, yes, no, but is 'maybe'"),
    ],
)
def test_options_that_cannot_be(options, said):
    with pytest.raises(ValueError, match=said):
        ReadOptions(**options)


WORDS = some.text(some.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8).filter(
    lambda text: text == text.strip() and text not in MISSING
)
COLUMNS = {
    "int64": some.integers(-(2**63), 2**63 - 1),
    "double": some.floats(allow_nan=False, allow_infinity=False, width=64),
    "string": WORDS.map(lambda word: f"w{word}"),
    "bool": some.booleans(),
    "timestamp[s]": some.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(
        lambda time: time.replace(microsecond=0)
    ),
}


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "a.csv"

    @settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
    @given(
        some.data(), some.lists(some.sampled_from(sorted(COLUMNS)), min_size=2, max_size=5), some.sampled_from(",;\t|")
    )
    def check(data, kinds, delimiter):
        count = data.draw(some.integers(2, 8))
        columns = {
            f"column {place}": data.draw(some.lists(some.none() | COLUMNS[kind], min_size=count, max_size=count))
            for place, kind in enumerate(kinds)
        }
        made = io.StringIO(newline="")
        rows = csv.writer(made, delimiter=delimiter)
        rows.writerow(columns)
        rows.writerows(zip(*columns.values(), strict=True))
        path.write_text(made.getvalue(), newline="")
        raw = read_raw(path, ReadOptions(delimiter=delimiter, header="yes"))
        assert raw.table.to_pydict() == columns
        for kind, (name, cells) in zip(kinds, columns.items(), strict=True):
            whole = kind == "double" and all(cell is None or "." not in repr(cell) for cell in cells)
            if set(cells) != {None} and not whole:
                assert types(raw)[name] == kind

    check()


def test_the_types_of_a_table_are_the_five(read):
    raw = read("a,b,c,d,e\n1,1.5,x,true,2024-01-31\n")
    allowed = (pa.int64(), pa.float64(), pa.string(), pa.bool_(), pa.timestamp("s"))
    assert tuple(field.type for field in raw.table.schema) == allowed
