"""Files are whole or untouched; what is no regular file, and a link, stays what it is."""

from __future__ import annotations

import os
import stat
import threading

import pytest

from adamcheck.errors import AdamcheckError, UsageError
from adamcheck.reports.files import check_writable, write_atomically


def test_a_file_is_replaced_whole(tmp_path, monkeypatch):
    path = tmp_path / "r.json"
    path.write_text("old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(AdamcheckError, match="cannot be written: No space left on device"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["r.json"]
    monkeypatch.undo()
    write_atomically(path, "new ε")
    assert path.read_text("utf-8") == "new ε"
    assert os.listdir(tmp_path) == ["r.json"]


def test_a_new_file_has_the_usual_mode(tmp_path):
    mask = os.umask(0o022)
    try:
        write_atomically(tmp_path / "r.json", "x")
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "r.json").stat().st_mode) == 0o644


def test_a_path_is_tried_before_the_run(tmp_path):
    check_writable(tmp_path / "r.json")
    assert os.listdir(tmp_path) == []
    for path in (tmp_path, tmp_path / "no" / "r.json"):
        with pytest.raises(UsageError, match=str(path)):
            check_writable(path)


def test_a_link_stays_and_its_file_is_written(tmp_path):
    (tmp_path / "there").mkdir()
    link, file = tmp_path / "r.json", tmp_path / "there" / "r.json"
    link.symlink_to(file)
    for text in ("new", "newer"):  # the file is made, then replaced
        check_writable(link)
        write_atomically(link, text)
        assert link.is_symlink()
        assert file.read_text() == text
    assert os.listdir(file.parent) == ["r.json"]


def test_a_pipe_is_written_to(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text("utf-8")))
    reader.start()
    check_writable(pipe)
    write_atomically(pipe, "new ε")
    reader.join()
    assert read == ["new ε"]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_a_device_stays_and_one_that_takes_nothing_is_wrong_usage(tmp_path):
    link = tmp_path / "full"
    link.symlink_to("/dev/full")
    with pytest.raises(UsageError, match="full: cannot be written: No space left on device"):
        write_atomically(link, "x")
    write_atomically(tmp_path / "r.json", "x")
    for device in ("/dev/full", "/dev/null"):
        assert stat.S_ISCHR(os.stat(device).st_mode)
