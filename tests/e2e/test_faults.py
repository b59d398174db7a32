"""Bad input and faults around a run: files that cannot be read or written, names, full disks, damaged state, job files."""
import base64
import json
import os
import sqlite3

import pytest

from harness import File, make_tree, ops, read_tree, snapshot

NAMES = [b"new\nline", b"tab\there", b"esc\x1b[31mred\x1b[0m", b"quote\"'`", b"$(touch pwned)", b"-rf", b"--help", b"bad\xff\xfeutf8",
         b"back\\slash", b" lead and trail ", b"*?[]{}", b"n" * 255, "übergroß-日本".encode(), b"\xc2\x9b31m", b"del\x7f", b".."[:1] + b".x"]


def test_hostile_names_are_copied_and_shown_escaped(sandbox):
    tree = {name: name for name in NAMES} | {name + b"d/" + name: b"x" for name in NAMES if len(name) < 200}
    make_tree(sandbox.source, tree)
    sandbox.job()
    result = sandbox.run("plan", "-v")
    document = sandbox.run("plan", "--json")
    applied = sandbox.apply("-v")
    for output in (result.text, document.text, applied.text):
        assert "\x1b" not in output and "\x9b" not in output and "\x7f" not in output and "\t" not in output
        assert output.encode("utf-8", "surrogateescape").decode("utf-8"), "valid UTF-8"
    copied = {path if isinstance(path, bytes) else path.encode(): content for path, content in read_tree(sandbox.target).items()}
    assert copied == tree
    actions = document.json()["jobs"][0]["actions"]
    exact = {base64.b64decode(a["path_base64"]) if "path_base64" in a else a["path"].encode() for a in actions}
    assert exact >= set(tree)
    assert not os.path.exists(sandbox.directory / "pwned")
    assert ops(sandbox.plan()) == {}


def test_hostile_names_can_be_deleted(sandbox):
    make_tree(sandbox.source, {name: b"" for name in NAMES[:9]})
    sandbox.job()
    sandbox.apply()
    for name in NAMES[:9]:
        os.unlink(os.path.join(os.fsencode(sandbox.source), name))
    make_tree(sandbox.source, {"one": "left"})
    sandbox.apply()
    assert read_tree(sandbox.target) == {"one": b"left"}


def test_paths_beyond_path_max(sandbox):
    """4,096 bytes limit a path in one system call, not a tree."""
    depth, name = 40, "d" * 200
    descriptor = os.open(sandbox.source, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=descriptor)
        inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, 0o600, dir_fd=descriptor))
    os.close(descriptor)
    sandbox.job()
    sandbox.apply()
    descriptor = os.open(sandbox.target, os.O_RDONLY)
    for _ in range(depth):
        inner = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    assert os.listdir(descriptor) == ["file"]
    os.close(descriptor)
    sandbox.apply()


@pytest.mark.quick
def test_an_unreadable_file_is_named_and_the_rest_is_done(sandbox, needs_root):
    make_tree(sandbox.source, {"secret": File("1", mode=0), "dir/other": "2"})
    sandbox.become_nobody()
    sandbox.job()
    result = sandbox.apply(check=4)
    assert "secret" in result.text
    assert read_tree(sandbox.target) == {"dir/other": b"2"}


def test_an_unreadable_file_keeps_its_old_copy(sandbox, needs_root):
    make_tree(sandbox.source, {"secret": "old", "other": "1"})
    sandbox.job()
    sandbox.apply()
    make_tree(sandbox.source, {"secret": "changed"})
    sandbox.become_nobody()
    (sandbox.source / "secret").chmod(0)
    sandbox.apply(check=4)
    assert read_tree(sandbox.target) == {"secret": b"old", "other": b"1"}


def test_an_unwritable_target_directory_fails_by_name_and_deletes_nothing_in_it(sandbox, needs_root):
    make_tree(sandbox.source, {"d/a": "1", "d/gone": "1", "e": "1"})
    sandbox.job()
    sandbox.apply()
    make_tree(sandbox.source, {"d/a": "22", "e": "22"})
    os.unlink(sandbox.source / "d/gone")
    sandbox.become_nobody()
    (sandbox.target / "d").chmod(0o555)
    result = sandbox.apply(check=4)
    assert "d/a" in result.text
    assert read_tree(sandbox.target) == {"d/a": b"1", "d/gone": b"1", "e": b"22"}


def test_full_disk(sandbox, needs_root):
    """A target of 1 MiB: what fits is there whole, the rest is named, nothing is half written, no leftovers; no deletes."""
    make_tree(sandbox.source, {"small": "1", "big": b"x" * (3 << 20), "later/file": "2"})
    sandbox.target.mkdir()
    sandbox.job()
    listing = sandbox.directory / "listing"
    script = (f'mount -t tmpfs -o size=1m tmpfs {sandbox.target}; set +e; "$@"; status=$?; '
              f"cd {sandbox.target}; find . -type f -printf '%P %s\\n' | sort > {listing}; exit $status")
    result = sandbox.apply(check={1, 4}, wrapper=["unshare", "-m", "sh", "-ec", script, "sh"])
    assert "No space left" in result.text or "full" in result.text
    assert set(listing.read_text().splitlines()) <= {"small 1", "later/file 1"}


def test_a_full_state_disk_is_an_error_and_loses_nothing(sandbox, needs_root):
    make_tree(sandbox.source, {f"f{i}": "1" for i in range(2000)})
    sandbox.job()
    script = (f'mount -t tmpfs -o size=64k tmpfs {sandbox.state.parent}; exec "$@"')
    result = sandbox.apply(check=1, wrapper=["unshare", "-m", "sh", "-ec", script, "sh"])
    assert str(sandbox.state) in result.text
    sandbox.apply()
    assert len(read_tree(sandbox.target)) == 2000


@pytest.mark.quick
def test_a_damaged_state_is_set_aside(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job()
    sandbox.apply()
    database = sandbox.state / "state.db"
    for path in sandbox.state.glob("state.db*"):
        path.write_bytes(b"this is no database" * 1000)
    make_tree(sandbox.target, {"strangers": "x"})
    result = sandbox.apply(check=3)
    assert "damaged" in result.text
    assert list(sandbox.state.glob("state.db.damaged-*"))
    assert read_tree(sandbox.target) == {"a": b"1", "strangers": b"x"}, "without a baseline nothing is deleted"
    assert database.read_bytes()[:15] == b"SQLite format 3"


@pytest.mark.quick
def test_a_newer_state_is_refused_untouched(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job()
    sandbox.apply()
    database = sandbox.state / "state.db"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 999")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    before = database.read_bytes()
    result = sandbox.apply(check=1)
    assert "newer" in result.text
    assert database.read_bytes() == before


@pytest.mark.quick
def test_a_lost_state_costs_speed_only(sandbox):
    make_tree(sandbox.source, {"a": "1", "b": "2"})
    sandbox.job()
    sandbox.apply()
    before = snapshot(sandbox.target)
    for path in sandbox.state.iterdir():
        if path.is_file():
            path.unlink()
    sandbox.apply()
    assert snapshot(sandbox.target) == before


def test_a_file_that_never_stops_changing_is_reported(sandbox):
    """A writer appends to it all the time. Whatever the run makes of it, the target holds no mixture of two versions."""
    (sandbox.source / "moving").write_bytes(b"")
    make_tree(sandbox.source, {"still": "1"})
    sandbox.job()
    process = sandbox.start("apply", "--once")
    version = 0
    while process.poll() is None:
        with open(sandbox.source / "moving", "r+b") as file:
            file.write(bytes([version % 256]) * 65536)
        version += 1
    assert process.returncode in (0, 4), process.log()
    assert (sandbox.target / "still").read_text() == "1"


JOB_FILES = {
    "syntax": ("version = 1\n[jobs.a\n", ":2:"),
    "unknown key": ("version = 1\n[jobs.a]\nroot = '.'\nremote = '/x'\nexlude = []\n", "did you mean 'exclude'"),
    "wrong type": ("version = 1\n[jobs.a]\nroot = 3\nremote = '/x'\n", ":3:"),
    "no root": ("version = 1\n[jobs.a]\nremote = '/x'\n", "root"),
    "duration": ("version = 1\n[jobs.a]\nroot = '.'\nremote = '/x'\ninterval = '0s'\n", "interval"),
    "bare number": ("version = 1\n[jobs.a]\nroot = '.'\nremote = '/x'\ninterval = 5\n", "interval"),
    "glob": ("version = 1\n[jobs.a]\nroot = '.'\nremote = '/x'\nexclude = ['[a']\n", ":5:"),
    "variable": ("version = 1\n[jobs.a]\nroot = '${NO_SUCH_VARIABLE}'\nremote = '/x'\n", "NO_SUCH_VARIABLE"),
    "version": ("version = 2\n", "version"),
    "percentage": ("version = 1\n[jobs.a]\nroot = '.'\nremote = '/x'\nmax_delete = '101%'\n", "max_delete"),
    "overlap": ("version = 1\n[jobs.a]\nroot='.'\nremote='/x/y'\n[jobs.b]\nroot='.'\nremote='/x'\n", "b"),
    "target in root": ("version = 1\n[jobs.a]\nroot='.'\nremote='./sub'\n", "a"),
    "empty": ("", ""),
    "bytes": ("\x00\x01\x02", ""),
}


@pytest.mark.quick
@pytest.mark.parametrize("case", JOB_FILES)
def test_a_bad_job_file_is_diagnosed_and_nothing_runs(sandbox, case):
    text, expected = JOB_FILES[case]
    sandbox.job_file.write_text(text)
    for command in ("check", "plan", "apply"):
        result = sandbox.run(command, *(["--once"] if command == "apply" else []), check=2)
        assert expected in result.text and "jobs.toml" in result.text
    assert not any(sandbox.target.glob("*"))


@pytest.mark.quick
def test_all_errors_are_reported_in_one_go(sandbox):
    sandbox.job_file.write_text("version = 1\n[jobs.a]\nroot = 3\nremote = '/x'\nintervall = '5s'\nmax_delete = 'many'\n")
    text = sandbox.run("check", check=2).text
    assert all(f"jobs.toml:{line}:" in text for line in (3, 5, 6)), text


@pytest.mark.quick
def test_a_found_file_that_others_may_write_is_refused(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job()
    sandbox.job_file.chmod(0o666)
    sandbox.apply(check=2)
    assert not sandbox.target.exists()


@pytest.mark.quick
def test_a_found_file_syncs_only_beneath_its_directory_until_trusted(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job()
    deeper = sandbox.directory / "project"
    deeper.mkdir()
    (deeper / "jobs.toml").write_text(sandbox.job_file.read_text())
    result = sandbox.apply(check=None, cwd=deeper)
    assert result.status != 0 and "trust" in result.text
    assert not sandbox.target.exists()
    sandbox.run("trust", "jobs.toml", cwd=deeper)
    sandbox.apply(cwd=deeper)
    assert read_tree(sandbox.target) == {"a": b"1"}
    (deeper / "jobs.toml").write_text((deeper / "jobs.toml").read_text() + "\n# changed\n")
    sandbox.apply(cwd=deeper)
    (deeper / "jobs.toml").write_text((deeper / "jobs.toml").read_text() + "\nsymlinks = 'follow'\n")
    assert sandbox.apply(check=None, cwd=deeper).status != 0


@pytest.mark.quick
def test_json_events_are_one_object_a_line(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job()
    lines = sandbox.apply("--json").out.splitlines()
    assert lines and all(isinstance(json.loads(line), dict) for line in lines)
