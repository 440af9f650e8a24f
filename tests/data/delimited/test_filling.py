"""A filled file is the given one with its holes filled: every other byte stays."""

import pytest

from vaekit.data.delimited.filling import filled_file
from vaekit.data.delimited.options import DelimitedOptions

TEXTS = {
    "plain": ("id,x,word\n1,2.50,a\n2,,b\n\n3,?,\n", "id,x,word\n1,2.50,a\n2,7.5,b\n\n3,8.25,new\n"),
    "comma": (
        'id;x;word\r\n1;36.315,70;"a;b"\r\n2;;b\r\n3;NA;',
        'id;x;word\r\n1;36.315,70;"a;b"\r\n2;7,5;b\r\n3;8,25;new',
    ),
}


@pytest.mark.parametrize("name", ["plain", "comma"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_other_bytes_stay(name, encoding, tmp_path):
    text, expected = TEXTS[name]
    path = tmp_path / "holes.csv"
    path.write_bytes(text.encode(encoding))
    cells = {"x": {1: "7.5", 2: "8.25"}, "word": {2: "new"}}
    assert filled_file(path, DelimitedOptions(), cells, 3) == expected.encode(encoding)
    assert filled_file(path, DelimitedOptions(), {}, 3) == path.read_bytes()
    assert filled_file(path, DelimitedOptions(), cells, 4) is None


def test_quoted_cells_may_hold_anything(tmp_path):
    path = tmp_path / "holes.csv"
    path.write_text('id,x,word\n1,2.50,"a ""b"",\nc"\n2,,b\n3,"",d\n', encoding="utf-8")
    found = filled_file(path, DelimitedOptions(), {"x": {1: "7.5", 2: "1"}, "word": {1: 'say "b, c"'}}, 3)
    assert found == b'id,x,word\n1,2.50,"a ""b"",\nc"\n2,7.5,"say ""b, c"""\n3,1,d\n'
