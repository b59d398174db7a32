"""A pull from a local directory, in its four modes."""
import os

import pytest

from harness import File, Link, make_tree, modes, read_tree, snapshot

pytestmark = pytest.mark.quick


@pytest.fixture
def pull(sandbox):
    """The remote is `target`, the local root is `source`."""

    def make(mode=None, **keys):
        sandbox.job(direction="pull", **({"pull": mode} if mode else {}), **keys)
        return sandbox

    sandbox.target.mkdir()
    return make


def test_missing_is_the_default_and_never_touches_what_exists(pull, sandbox):
    make_tree(sandbox.target, {"new/file": "1", "both": "remote"})
    make_tree(sandbox.source, {"both": "local", "only": "here"})
    pull().apply()
    assert read_tree(sandbox.source) == {"new/file": b"1", "both": b"local", "only": b"here"}


def test_update_overwrites_and_deletes_nothing(pull, sandbox):
    make_tree(sandbox.target, {"new": "1", "both": "remote"})
    make_tree(sandbox.source, {"both": "local", "only": "here"})
    pull("update").apply()
    assert read_tree(sandbox.source) == {"new": b"1", "both": b"remote", "only": b"here"}


def test_mirror_makes_both_alike(pull, sandbox):
    make_tree(sandbox.target, {"a": "1", "d/b": "1"})
    pull("mirror").apply()
    make_tree(sandbox.source, {"only": "here", "a": "edited"})
    os.unlink(sandbox.target / "d/b")
    os.rmdir(sandbox.target / "d")
    sandbox.apply()
    assert read_tree(sandbox.source) == {"a": b"1"}


def test_mirror_onto_what_was_never_synced_halts(pull, sandbox):
    make_tree(sandbox.target, {"a": "1"})
    make_tree(sandbox.source, {"only": "here"})
    pull("mirror")
    assert "no-baseline" in sandbox.apply(check=3).text
    assert read_tree(sandbox.source) == {"only": b"here"}


def test_generated_takes_only_files_that_are_marked_here(pull, sandbox):
    make_tree(sandbox.target, {"gen.c": "// remote", "plain.c": "remote", "new.c": "// @generated"})
    make_tree(sandbox.source, {"gen.c": "// @generated\nlocal", "plain.c": "local"})
    pull("generated").apply()
    assert read_tree(sandbox.source) == {"gen.c": b"// remote", "plain.c": b"local"}


def test_the_mark_counts_only_in_the_first_4_kib(pull, sandbox):
    make_tree(sandbox.target, {"late": "remote", "early": "remote"})
    make_tree(sandbox.source, {"late": " " * 4096 + "@generated", "early": " " * 4086 + "@generated"})
    pull("generated").apply()
    assert read_tree(sandbox.source)["early"] == b"remote"
    assert read_tree(sandbox.source)["late"].endswith(b"@generated")


def test_a_missing_remote_halts(sandbox):
    sandbox.job(direction="pull")
    make_tree(sandbox.source, {"a": "1"})
    assert "remote-missing" in sandbox.apply(check=3).text
    assert read_tree(sandbox.source) == {"a": b"1"}
    assert not sandbox.target.exists()


def test_symlinks_come_as_they_are(pull, sandbox):
    """A local source is no stranger."""
    make_tree(sandbox.target, {"away": Link("/etc/passwd"), "dir": Link("/etc"), "a": "1", "l": Link("a")})
    make_tree(sandbox.source, {"l": Link("b")})
    pull("update").apply()
    assert read_tree(sandbox.source) == read_tree(sandbox.target)


def test_an_identical_local_symlink_is_fine(pull, sandbox):
    make_tree(sandbox.target, {"l": Link("a"), "a": "1"})
    make_tree(sandbox.source, {"l": Link("a")})
    pull("update").apply()
    assert read_tree(sandbox.source) == {"l": Link("a"), "a": b"1"}


def test_never_writes_through_a_local_symlinked_parent(pull, sandbox):
    outside = sandbox.directory / "outside"
    make_tree(outside, {"f": "precious"})
    make_tree(sandbox.target, {"d/f": "remote", "ok": "1"})
    os.symlink(outside, sandbox.source / "d")
    pull("update").apply(check=None)
    assert read_tree(outside) == {"f": b"precious"}
    assert (sandbox.source / "ok").read_bytes() == b"1"


def test_files_that_exist_keep_their_mode(pull, sandbox):
    make_tree(sandbox.target, {"script": File("remote", mode=0o600)})
    make_tree(sandbox.source, {"script": File("local", mode=0o755)})
    pull("update").apply()
    assert read_tree(sandbox.source) == {"script": b"remote"}
    assert modes(sandbox.source) == {"script": 0o755}


def test_the_local_ignore_files_decide(pull, sandbox):
    make_tree(sandbox.target, {".gitignore": "", "out.log": "remote", "a": "1"})
    make_tree(sandbox.source, {".gitignore": "*.log\n", "own.log": "local"})
    pull("mirror").apply("--adopt")
    assert read_tree(sandbox.source)["own.log"] == b"local"
    assert "out.log" not in read_tree(sandbox.source)
    assert read_tree(sandbox.source)["a"] == b"1"


def test_a_second_pull_does_nothing(pull, sandbox):
    make_tree(sandbox.target, {"a": "1", "d/b": "2", "e/": None})
    pull("mirror").apply()
    before = snapshot(sandbox.source)
    sandbox.apply()
    assert snapshot(sandbox.source) == before


def test_a_directory_that_holds_an_ignored_file_stays(pull, sandbox):
    make_tree(sandbox.target, {"d/a": "1", "b": "1"})
    pull("mirror", exclude=["*.o"]).apply()
    make_tree(sandbox.source, {"d/x.o": "built here"})
    os.unlink(sandbox.target / "d/a")
    os.rmdir(sandbox.target / "d")
    sandbox.apply(check={0, 4})
    assert read_tree(sandbox.source) == {"b": b"1", "d/x.o": b"built here"}


def test_pull_command_with_overwrite_mirrors(pull, sandbox):
    make_tree(sandbox.target, {"a": "remote"})
    make_tree(sandbox.source, {"a": "local"})
    sandbox.job()
    sandbox.run("pull", "copy", "--overwrite")
    assert read_tree(sandbox.source) == {"a": b"remote"}


@pytest.mark.parametrize("there", ["link", "directory"])
def test_a_file_that_replaces_something_else_gets_a_mode_of_its_own(pull, sandbox, there):
    make_tree(sandbox.target, {"f": File("secret", mode=0o600)})
    make_tree(sandbox.source, {"f": Link("/nowhere")} if there == "link" else {"f/": None})
    pull("mirror").apply("--adopt")
    assert modes(sandbox.source)["f"] == 0o600


def test_a_mirror_keeps_the_files_that_decide_what_is_ignored(pull, sandbox):
    make_tree(sandbox.target, {"a": "1", "b": "1"})
    pull("mirror").apply()
    make_tree(sandbox.source, {".gitignore": "*.log\n", "keep.log": "precious"})
    for _ in range(2):
        sandbox.apply()
        assert read_tree(sandbox.source) == {"a": b"1", "b": b"1", ".gitignore": b"*.log\n", "keep.log": b"precious"}


def test_links_of_a_local_copy_come_back(sandbox):
    """What a push made there is restored, links that lead anywhere included."""
    tree = {"file": "1", "in": Link("file"), "out": Link("/etc/passwd"), "broken": Link("nowhere"), "d/up": Link("../file")}
    make_tree(sandbox.source, tree)
    sandbox.job()
    sandbox.apply()
    kept = read_tree(sandbox.source)
    for name in ("in", "out", "broken", "d/up"):
        (sandbox.source / name).unlink()
    sandbox.run("pull", "copy")
    assert read_tree(sandbox.source) == kept == read_tree(sandbox.target)
