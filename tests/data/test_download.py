from __future__ import annotations

import gzip
from hashlib import md5

import pytest

from vaekit.data.names import download_files


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror"
    folder.mkdir()
    (folder / "a.gz").write_bytes(gzip.compress(b"content", mtime=0))
    return folder


DIGESTS = {"a.gz": md5(b"content").hexdigest()}


def test_files_are_fetched_once(tmp_path, mirror):
    target = tmp_path / "deep" / "target"
    download_files(mirror.as_uri() + "/", DIGESTS, target)
    assert [path.name for path in target.iterdir()] == ["a.gz"]
    (mirror / "a.gz").unlink()
    download_files(mirror.as_uri() + "/", DIGESTS, target)


@pytest.mark.parametrize(
    "content", [b"<html>", b"", gzip.compress(b"other", mtime=0), gzip.compress(b"content", mtime=0)[:-12]]
)
def test_what_is_not_the_file_is_not_kept(tmp_path, mirror, content):
    (mirror / "a.gz").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.gz should have MD5 .* try again"):
        download_files(mirror.as_uri() + "/", DIGESTS, tmp_path / "target")
    assert list((tmp_path / "target").iterdir()) == []


def test_without_a_network_the_cure_is_said(tmp_path):
    missing = (tmp_path / "nowhere").as_uri() + "/"
    with pytest.raises(OSError, match=r"could not download .*give a folder that holds the four IDX files instead"):
        download_files(missing, DIGESTS, tmp_path / "target")


def test_a_folder_that_is_not_writable_is_said(tmp_path, mirror):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="not writable; set VAEKIT_CACHE"):
        download_files(mirror.as_uri() + "/", DIGESTS, tmp_path / "file")
