"""Pulls over SSH: the four modes, what is refused, and what never changes here."""
import fcntl
import os
import stat

import pytest

from harness import File, Link, make_tree, modes, ops, read_tree, snapshot


@pytest.fixture
def pull(sandbox, server):
    def make(mode=None, **keys):
        server.own(server.home)
        sandbox.jobs(("lab", {"root": sandbox.source, "remote": "cse:target", "direction": "pull",
                              **({"pull": mode} if mode else {}), **keys}))
        return sandbox

    return make


def test_generated_is_the_default(pull, sandbox):
    make_tree(sandbox.target, {"gen.c": "// remote", "plain.c": "remote", "new.c": "// @generated"})
    make_tree(sandbox.source, {"gen.c": "// @generated\nlocal", "plain.c": "local"})
    pull().apply()
    assert read_tree(sandbox.source) == {"gen.c": b"// remote", "plain.c": b"local"}


def test_missing_creates_and_never_touches_what_exists(pull, sandbox):
    make_tree(sandbox.target, {"new/file": "1", "both": "remote", "empty/": None})
    make_tree(sandbox.source, {"both": "local", "only": "here"})
    pull("missing").apply()
    assert read_tree(sandbox.source) == {"new/file": b"1", "both": b"local", "only": b"here", "empty/": None}


def test_update_overwrites_and_deletes_nothing(pull, sandbox):
    make_tree(sandbox.target, {"new": "1", "both": "remote"})
    make_tree(sandbox.source, {"both": "local", "only": "here"})
    pull("update").apply()
    assert read_tree(sandbox.source) == {"new": b"1", "both": b"remote", "only": b"here"}
    assert pull("update").plan()["actions"] == []


def test_mirror_makes_both_alike(pull, sandbox):
    make_tree(sandbox.target, {"a": "1", "d/b": "1"})
    pull("mirror").apply()
    make_tree(sandbox.source, {"only": "here", "a": "edited"})
    os.unlink(sandbox.target / "d/b")
    os.rmdir(sandbox.target / "d")
    sandbox.apply()
    assert read_tree(sandbox.source) == {"a": b"1"}


def test_overwrite_is_a_mirror_for_one_run(pull, sandbox):
    make_tree(sandbox.target, {"a": "1"})
    pull("missing").apply()
    make_tree(sandbox.source, {"a": "edited"})
    sandbox.run("pull", "lab", "--overwrite")
    assert read_tree(sandbox.source) == {"a": b"1"}


def test_mirror_onto_what_was_never_synced_halts(pull, sandbox):
    make_tree(sandbox.target, {"a": "1"})
    make_tree(sandbox.source, {"only": "here"})
    assert "no-baseline" in pull("mirror").apply(check=3).text
    assert read_tree(sandbox.source) == {"only": b"here"}


def test_a_directory_that_is_not_there_halts(pull, sandbox):
    make_tree(sandbox.source, {"only": "here"})
    result = pull("mirror").apply(check=3)
    assert "remote-missing" in result.text and "cse:~/target" in result.text
    assert read_tree(sandbox.source) == {"only": b"here"}
    assert not sandbox.target.exists()


@pytest.mark.parametrize("mode", ["missing", "update", "mirror"])
def test_a_remote_symlink_is_refused_by_name(pull, sandbox, mode):
    make_tree(sandbox.target, {"file": "1", "link": Link("/etc/passwd"), "dir": Link("/etc"), "in": Link("file")})
    result = pull(mode).apply(check=4)
    for name in ("link", "dir", "in"):
        assert name in result.err
    assert read_tree(sandbox.source) == {"file": b"1"}


def test_nothing_is_written_through_a_local_symlink(pull, sandbox, server):
    outside = make_tree(sandbox.directory / "outside", {"file": "mine"})
    (sandbox.source / "dir").symlink_to(outside)
    make_tree(sandbox.target, {"dir/file": "theirs", "other": "1"})
    before = snapshot(outside)
    pull("update").apply(check=4)
    assert snapshot(outside) == before
    assert read_tree(sandbox.source)["other"] == b"1"


def test_modes_of_files_that_exist_stay(pull, sandbox):
    make_tree(sandbox.source, {"tool": File("1", mode=0o750)})
    make_tree(sandbox.target, {"tool": File("2", mode=0o644), "new": File("1", mode=0o755), "d/f": "1"})
    pull("update").apply()
    assert modes(sandbox.source) == {"tool": 0o750, "new": 0o700, "d": 0o700, "d/f": 0o600}


def test_names_of_any_bytes(pull, sandbox):
    tree = {b"-rf": "1", b"new\nline": "2", b"\xff\xfe": "3", b"'q\" $(x) \\": "4", b"x" * 255: "5", b" d \n/f": "6"}
    make_tree(sandbox.target, tree)
    pull("update").apply()
    assert read_tree(sandbox.source) == read_tree(sandbox.target)


def test_what_is_ignored_here_is_neither_fetched_nor_deleted(pull, sandbox):
    make_tree(sandbox.source, {".gitignore": "*.o\n", "main.o": "local"})
    make_tree(sandbox.target, {".gitignore": "*.o\n", "main.o": "remote", "other.o": "remote", "main.c": "1"})
    pull("update").apply()
    make_tree(sandbox.source, {"mine.o": "local"})
    pull("mirror").apply()
    assert read_tree(sandbox.source) == {
        ".gitignore": b"*.o\n", "main.o": b"local", "mine.o": b"local", "main.c": b"1"}


def test_a_dry_run_brings_nothing(pull, sandbox):
    make_tree(sandbox.target, {"a": "1"})
    before = snapshot(sandbox.source)
    assert ops(pull("update").plan()) == {"a": "put"}
    sandbox.run("pull", "lab", "--dry-run")
    assert snapshot(sandbox.source) == before


def test_what_may_not_be_read_is_named(pull, sandbox):
    make_tree(sandbox.target, {"secret": "1", "open": "1", "closed/file": "1"})
    pull("update")
    os.chmod(sandbox.target / "secret", 0)
    os.chmod(sandbox.target / "closed", 0)
    result = sandbox.apply(check=4)
    assert "secret" in result.err and "closed" in result.err
    assert read_tree(sandbox.source) == {"open": b"1", "closed/": None}


def test_nothing_stays_behind(pull, sandbox):
    make_tree(sandbox.target, {f"d{i % 3}/f{i}": "x" * i for i in range(200)})
    pull("update").apply()
    assert read_tree(sandbox.source) == read_tree(sandbox.target)
    assert not [path for path in os.listdir(sandbox.source) if path.startswith(".syncline")]
    assert stat.S_IMODE(os.stat(sandbox.source / "d1").st_mode) == 0o700


def left_by_an_earlier_run(sandbox, tree):
    """What a pull that was cut leaves in the root."""
    left = make_tree(sandbox.source / ".syncline-tmp-0123456789abcdef", tree)
    os.chmod(left, 0o700)
    return left


def test_a_kept_beginning_of_equal_size_and_other_content_is_fetched_anew(pull, sandbox):
    make_tree(sandbox.target, {"f": "new!", "d/same": "same"})
    left_by_an_earlier_run(sandbox, {"f": "old!", "d/same": "same"})
    pull("update").apply()
    assert read_tree(sandbox.source) == {"f": b"new!", "d/same": b"same"}


def test_what_lies_in_the_way_of_what_is_fetched_is_no_trouble(pull, sandbox):
    make_tree(sandbox.target, {"f": "1", "d/e/g": "2"})
    left_by_an_earlier_run(sandbox, {"f/x": "1", "d": "2"})
    pull("update").apply()
    assert read_tree(sandbox.source) == {"f": b"1", "d/e/g": b"2"}


def test_the_directory_of_a_run_that_lives_is_left_alone(pull, sandbox):
    make_tree(sandbox.target, {"f": "new!"})
    left = left_by_an_earlier_run(sandbox, {"f": "old!"})
    descriptor = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    pull("update").apply()
    assert (left / "f").read_text() == "old!"
    os.close(descriptor)
    assert (sandbox.source / "f").read_text() == "new!"
    pull("update").apply()
    assert read_tree(sandbox.source) == {"f": b"new!"}


@pytest.mark.parametrize("way", ["tar", "files"])
def test_holes_stay_holes(pull, sandbox, way):
    make_tree(sandbox.target, {"sparse": "begin"})
    with open(sandbox.target / "sparse", "r+b") as file:
        file.seek(40 << 20)
        file.write(b"middle")
        file.truncate(100 << 20)
    pull("update", transfer=way).apply()
    assert (sandbox.source / "sparse").read_bytes() == (sandbox.target / "sparse").read_bytes()
    assert (sandbox.source / "sparse").stat().st_blocks * 512 < 1 << 20


def test_what_generated_leaves_alone_is_said(pull, sandbox):
    make_tree(sandbox.target, {"a": "1", "b": "1", "d/c": "1", "both": "remote", "same": "1"})
    make_tree(sandbox.source, {"both": "locals", "same": "1"})
    result = pull().run("pull", "lab")
    assert ("nothing to do; 3 files are only on cse, 1 differs: pull = generated leaves them "
            "(see --missing, --update, --overwrite)") in result.text
    assert read_tree(sandbox.source) == {"both": b"locals", "same": b"1"}
    sandbox.run("pull", "lab", "--missing")
    assert read_tree(sandbox.source) == {"a": b"1", "b": b"1", "d/c": b"1", "both": b"locals", "same": b"1"}
    result = pull("missing").run("pull", "lab")
    assert "nothing to do; 1 file differs: pull = missing leaves it (see --update, --overwrite)" in result.text
    sandbox.run("pull", "lab", "--update")
    assert read_tree(sandbox.source) == read_tree(sandbox.target)


def test_a_named_path_is_fetched_whatever_the_mode(pull, sandbox):
    make_tree(sandbox.target, {"results.txt": "1", "other": "1", "d/a": "1", "d/b": "2"})
    make_tree(sandbox.source, {"d/b": "locals", "here": "1", ".gitignore": "ignored\n", "ignored": "1"})
    pull().run("pull", "lab", sandbox.source / "results.txt")
    pull("missing").run("pull", "lab", sandbox.source / "d")
    expected = {"results.txt": b"1", "d/a": b"1", "d/b": b"2", "here": b"1", ".gitignore": b"ignored\n", "ignored": b"1"}
    assert read_tree(sandbox.source) == expected
    make_tree(sandbox.source, {"d/b": "edited"})
    sandbox.run("pull", "lab", "--missing", sandbox.source / "d")  # said on this very line
    assert read_tree(sandbox.source)["d/b"] == b"edited"
    assert "is not on the remote side" in sandbox.run("pull", "lab", sandbox.source / "here").text
    for path in ("nowhere", "d/nowhere", "ignored"):
        assert "neither side" in sandbox.run("pull", "lab", sandbox.source / path, check=2).err
    assert read_tree(sandbox.source) == {**expected, "d/b": b"edited"}


def test_links_that_stay_inside_are_made_where_the_job_says_so(pull, sandbox):
    make_tree(sandbox.target, {"d/file": "1", "d/in": Link("file"), "up": Link("./d/file"), "out": Link("/etc/passwd"),
                               "over": Link("../x")})
    result = pull("update", pull_symlinks="inside").apply(check=4)
    assert "out" in result.err and "over" in result.err and "d/in" not in result.err
    assert read_tree(sandbox.source) == {"d/file": b"1", "d/in": Link("file"), "up": Link("./d/file")}


def test_a_push_says_what_it_leaves_on_the_server(sandbox, server):
    make_tree(sandbox.target, {"results": "1", "d/more": "1"})
    make_tree(sandbox.source, {"f": "1"})
    server.own(server.home)
    for policy in ("synced", "never"):
        sandbox.jobs(("lab", {"root": sandbox.source, "remote": "cse:target", "delete": policy}))
        result = sandbox.run("push", "lab")
        assert f"2 files are only on cse: delete = {policy} leaves them (see --delete)" in result.text
