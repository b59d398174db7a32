"""What a destination on a server can be, and where it is said: job file, command line, ssh_config."""
import contextlib
import os
import re
import sqlite3

import pytest

from harness import Link, make_tree, read_tree, snapshot

LAYOUT = re.compile(r"^[^/]+-[0-9a-f]{8}-[0-9a-f]{8}$")


def only_project(server):
    projects = list((server.home / ".cache/syncline/projects").iterdir())
    assert len(projects) == 1 and LAYOUT.match(projects[0].name)
    return projects[0]


def test_a_host_alone_gets_the_default_layout(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:"}))
    sandbox.apply()
    project = only_project(server)
    assert project.name.startswith("source-")
    assert read_tree(project) == {"file": b"1"}
    assert project.stat().st_mode & 0o777 == 0o700
    assert project.parent.stat().st_mode & 0o777 == 0o700
    sandbox.apply()
    assert only_project(server) == project


def test_a_remote_root_of_the_host(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:"}),
                 head='[hosts.cse]\nremote_root = "~/course work"\n')
    sandbox.apply()
    (project,) = (server.home / "course work").iterdir()
    assert read_tree(project) == {"file": b"1"}


@pytest.mark.parametrize("directory", ["~/a dir/x", "a dir/x", "./a dir//x/"])
def test_directories_are_relative_to_home(sandbox, server, directory):
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": f"cse:{directory}"}))
    sandbox.apply()
    assert read_tree(server.home / "a dir/x") == {"file": b"1"}


def test_an_absolute_directory(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": f"cse:{server.home}/x"}))
    sandbox.apply()
    assert read_tree(server.home / "x") == {"file": b"1"}


def test_one_directory_is_one_destination_however_it_is_spelled(sandbox, server):
    for directory in ("lab", "other"):
        (server.home / directory).mkdir()
        server.own(server.home / directory)
    (server.home / "link").symlink_to("lab")
    spellings = ["cse:lab", f"cse:{server.home}//lab", "cse:other/../lab", "cse:link"]
    make_tree(sandbox.source, {"kept": "1", **{f"gone{i}": "2" for i in range(len(spellings))}})
    for i, remote in enumerate(spellings):
        sandbox.jobs(("thesis", {"root": sandbox.source, "remote": remote, "delete": "mirror"}))
        (sandbox.source / f"gone{i}").unlink()
        # The first is a destination that nobody knows; from then on what goes here may go there.
        sandbox.apply(*([] if i else ["--adopt"]))
        assert set(read_tree(server.home / "lab")) == {"kept", *(f"gone{j}" for j in range(i + 1, len(spellings)))}
    assert sandbox.plan()["actions"] == []
    (server.home / "link").unlink()
    make_tree(server.home, {"other/theirs": "3"})
    (server.home / "link").symlink_to("other")
    server.own(server.home / "other")
    # It is another destination now.
    assert "remote-changed" in sandbox.plan()["halt"]["codes"]
    sandbox.apply(check=3)
    assert read_tree(server.home / "other") == {"theirs": b"3"}


def test_a_directory_on_a_server_is_recorded_by_its_resolved_path(sandbox, server):
    (server.home / "lab").mkdir()
    server.own(server.home / "lab")
    make_tree(sandbox.source, {"kept": "1", "gone": "2"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:lab", "delete": "mirror"}))
    sandbox.apply("--adopt")
    with contextlib.closing(sqlite3.connect(sandbox.state / "state.db")) as database:
        names = {row[0].decode() for row in database.execute("SELECT destination FROM pair")}
    assert names == {f"ssh:cse:student:{os.path.realpath(server.home)}/lab"}


def test_a_quote_in_a_directory_is_no_command(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:it's $(touch evil) `touch evil`"}))
    sandbox.apply()
    assert read_tree(server.home / "it's $(touch evil) `touch evil`") == {"file": b"1"}
    assert not (server.home / "evil").exists()


def test_a_host_of_the_job_file_needs_no_ssh_config(sandbox, server):
    (sandbox.home / ".ssh/config").unlink()
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "box:target"}),
                 head=f'[hosts.box]\nhostname = "127.0.0.1"\nport = {server.port}\nuser = "student"\n'
                      f'identity_file = "{server.key}"\nknown_hosts = "{server.known_hosts}"\n')
    sandbox.run("apply", "--once", sandbox.job_file)
    assert read_tree(sandbox.target) == {"file": b"1"}


def test_another_ssh_config(sandbox, server):
    other = sandbox.directory / "other_config"
    (sandbox.home / ".ssh/config").rename(other)
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}),
                 head='[engine]\nssh_config = "other_config"\n')
    sandbox.run("apply", "--once", sandbox.job_file)
    assert read_tree(sandbox.target) == {"file": b"1"}


def test_a_push_without_any_job_file(sandbox, server):
    make_tree(sandbox.source, {".git/HEAD": "x", "sub/file": "1", "file": "2"})
    sandbox.run("push", "--remote", "cse:", cwd=sandbox.source / "sub")
    project = only_project(server)
    assert read_tree(project) == {"sub/file": b"1", "file": b"2"}
    sandbox.run("push", "--remote", "cse:", "--sync-cwd", cwd=sandbox.source / "sub")
    assert {read_tree(each).keys().__len__() for each in project.parent.iterdir()} == {1, 2}
    sandbox.run("push", "--remote", "cse:elsewhere", "--root", "sub", cwd=sandbox.source)
    assert read_tree(server.home / "elsewhere") == {"file": b"1"}


def test_the_root_without_a_job_can_be_the_current_directory(sandbox, server):
    make_tree(sandbox.source, {".git/HEAD": "x", "sub/file": "1", "file": "2"})
    sandbox.jobs(head='[engine]\nad_hoc_root = "cwd"\n')
    sandbox.run("push", "-f", sandbox.job_file, "--remote", "cse:target", cwd=sandbox.source / "sub")
    assert read_tree(sandbox.target) == {"file": b"1"}


def test_dash_d_goes_elsewhere_on_the_same_host(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    sandbox.run("push", "thesis", "-d", "~/lab01")
    sandbox.run("push", "thesis", "--remote-dir", "lab02")
    assert read_tree(server.home / "lab01") == read_tree(server.home / "lab02") == {"file": b"1"}
    assert not sandbox.target.exists()
    assert "begins with '-'" in sandbox.run("push", "thesis", "--remote-dir=-rf", check=2).err
    make_tree(server.home / "lab01", {"remote-only": "1"})
    sandbox.run("pull", "thesis", "-d", "~/lab01", "--overwrite", "--adopt")
    assert read_tree(sandbox.source) == {"file": b"1", "remote-only": b"1"}


def test_paths_and_filters_of_the_command_line(sandbox, server):
    make_tree(sandbox.source, {"sub/a.log": "1", "sub/b": "1", "other/c": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    sandbox.run("push", "thesis", "sub", cwd=sandbox.source)
    assert read_tree(sandbox.target) == {"sub/a.log": b"1", "sub/b": b"1"}
    sandbox.run("push", "-x", "*.log", "--adopt", cwd=sandbox.source / "sub")
    assert set(read_tree(sandbox.target)) >= {"other/c"}


def test_ignored_files_stay_here_and_excluded_ones_there(sandbox, server):
    make_tree(sandbox.source, {".gitignore": "*.o\n", "main.c": "1", "main.o": "1", "sub/.gitignore": "!keep.o\n",
                               "sub/keep.o": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target", "exclude": ["build/**"]}))
    sandbox.apply()
    assert set(read_tree(sandbox.target)) == {".gitignore", "main.c", "sub/.gitignore", "sub/keep.o"}
    make_tree(sandbox.target, {"build/out": "1", "local.o": "1"})
    sandbox.apply()
    assert {"build/out", "local.o"} <= set(read_tree(sandbox.target))


def test_explain_and_check_need_no_server(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    sandbox.apply()
    server.refuse_connections()
    result = sandbox.run("check")
    assert "not built" not in result.text and "0 warnings" in result.text or "warning" not in result.text
    assert "last verified" in sandbox.run("explain", sandbox.source / "file").out


def test_a_symlink_is_copied_and_never_followed(sandbox, server):
    make_tree(sandbox.source, {"out": Link("/etc"), "in": Link("file"), "file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    sandbox.apply()
    assert read_tree(sandbox.target) == {"out": Link("/etc"), "in": Link("file"), "file": b"1"}
    outside = make_tree(server.home / "outside", {"kept": "1"})
    before = snapshot(outside)
    make_tree(sandbox.source, {"dir/file": "1"})
    sandbox.apply()
    (sandbox.target / "dir/file").unlink()
    (sandbox.target / "dir").rmdir()
    (sandbox.target / "dir").symlink_to(outside)
    sandbox.run("push", "thesis")
    assert snapshot(outside) == before


def test_the_parent_of_what_is_not_there_is_nowhere(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    before = snapshot(server.home)
    result = sandbox.run("push", "--root", sandbox.source, "--remote", "cse:nope/..", check=1)
    assert "'..'" in result.err
    assert snapshot(server.home) == before


def test_what_holds_the_home_directory_is_unsafe_for_a_mirror(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    result = sandbox.run("push", "--root", sandbox.source, "--remote", "cse:..", "--delete", check=3)
    assert "unsafe-target" in result.text


def test_a_root_with_the_longest_name(sandbox, server):
    root = sandbox.directory / ("ü" * 127)
    make_tree(root, {"file": "1"})
    sandbox.run("push", "--root", root, "--remote", "cse:")
    project = only_project(server)
    assert read_tree(project) == {"file": b"1"}
    assert len(os.fsencode(project.name)) <= 255


def test_a_root_that_may_not_be_written_names_each_path(sandbox, server):
    make_tree(sandbox.source, {"a": "1", "sub/x": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    sandbox.apply()
    sandbox.target.chmod(0o500)
    make_tree(sandbox.source, {"a": "2", "sub/x": "2"})
    result = sandbox.apply(check=4)
    assert "a: " in result.err and "ermission denied" in result.err
