"""What words on the command line mean: jobs, job files, paths and places are told apart the same way by every command."""
import os

from harness import make_tree, read_tree


def test_two_places_are_a_copy_that_removes_nothing(sandbox):
    make_tree(sandbox.directory, {"from/a": "1", "from/sub/b": "2", "to/mine": "3", "to/a": "other"})
    shown = sandbox.run("plan", "from", "to").out
    assert "sub/b" in shown and "mine" not in shown and not (sandbox.directory / "to/sub").exists()
    told = sandbox.run("push", "from", "to", check=4).text
    # Where to comes before what was done.
    assert told.index(f"ad hoc: push {sandbox.directory}/from -> to\n") < told.index(" put")
    assert read_tree(sandbox.directory / "to") == {"a": b"other", "mine": b"3", "sub/b": b"2"}
    sandbox.run("push", "from", "to", "--delete", "--overwrite", "--adopt")
    assert read_tree(sandbox.directory / "to") == read_tree(sandbox.directory / "from")
    sandbox.run("pull", "to", "back")
    assert read_tree(sandbox.directory / "back") == read_tree(sandbox.directory / "from")
    sandbox.run("push", "from/a", "single")
    assert read_tree(sandbox.directory / "single") == {"a": b"1"}


def test_two_paths_in_the_root_of_a_job_are_paths(sandbox):
    make_tree(sandbox.source, {"a": "1", "b": "2", "c": "3"})
    sandbox.job()
    sandbox.run("push", "a", "b", cwd=sandbox.source)
    assert set(read_tree(sandbox.target)) == {"a", "b"}
    make_tree(sandbox.source, {"a": "11", "c": "33"})
    sandbox.run("push", sandbox.source / "a", sandbox.source / "c")  # from elsewhere
    assert (sandbox.target / "a").read_text() == "11" and (sandbox.target / "c").read_text() == "33"
    make_tree(sandbox.source, {"a": "111"})
    sandbox.run("push", sandbox.job_file, "copy", sandbox.source / "a")
    assert (sandbox.target / "a").read_text() == "111"
    assert "ad hoc" in sandbox.run("push", "a", "../elsewhere", cwd=sandbox.source).out
    assert read_tree(sandbox.directory / "elsewhere") == {"a": b"111"}


def test_jobs_and_job_files_are_arguments_of_every_command(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    path = sandbox.jobs(("first", {"root": sandbox.source, "remote": sandbox.directory / "first", "fsync": False}),
                        ("second", {"root": sandbox.source, "remote": sandbox.directory / "second", "fsync": False}))
    assert [job["name"] for job in sandbox.run("plan", "second", "--json").json()["jobs"]] == ["second"]
    assert [job["name"] for job in sandbox.run("plan", path, "first", "--json").json()["jobs"]] == ["first"]
    assert "did you mean 'second'?" in sandbox.run("plan", "secnd", check=2).err
    assert "did you mean 'second'?" in sandbox.run("apply", "--once", "secnd", check=2).err
    assert "'first' is a job, and check takes a job file" in sandbox.run("check", "first", check=2).err
    sandbox.run("apply", "--once", "second")
    assert (sandbox.directory / "second/a").exists() and not (sandbox.directory / "first").exists()
    assert "first" in sandbox.run("explain", "first", "source/a").out
    sandbox.run("sync", "first")
    assert (sandbox.directory / "first/a").exists()
    sandbox.start_engine("first")
    elsewhere = sandbox.directory / "elsewhere"
    elsewhere.mkdir()
    assert "first" in sandbox.run("status", path, "first", cwd=elsewhere).out
    sandbox.run("stop", path, cwd=elsewhere)


def test_a_home_directory_is_not_sent_unasked(sandbox):
    make_tree(sandbox.home, {"secret": "1", "project/a": "1"})
    for cwd in (sandbox.home, sandbox.directory, "/"):
        refusal = sandbox.run("push", "--remote", sandbox.target, cwd=cwd, check=2).err
        assert "name it with --root" in refusal, refusal
    assert not sandbox.target.exists()
    sandbox.run("push", "--remote", sandbox.target, cwd=sandbox.home / "project")
    assert read_tree(sandbox.target) == {"a": b"1"}


def test_what_looks_like_an_option_can_be_a_file(sandbox):
    make_tree(sandbox.source, {"-n": "1", "--json": "2"})
    sandbox.job()
    sandbox.run("push", "copy", "--", "-n", cwd=sandbox.source)
    assert set(read_tree(sandbox.target)) == {"-n"}


def test_completions_offer_hosts_of_ssh_config(sandbox):
    config = sandbox.home / ".ssh/config"
    make_tree(config.parent, {"more.conf": "Host=cluster\n"})
    config.write_text('Include more.conf\nHost cse cse-* "c2" !not\n  HostName x\nMatch host m\nHOST dev # comment\n')
    sandbox.jobs(head='[buckets.cold]\nprovider = "s3"\nbucket = "x"\n[hosts.cray]\n')
    offered = sandbox.run("completion", "--remotes").out.split()
    assert offered == ["c2:", "cluster:", "cold:", "cray:", "cse:", "dev:"]


def test_bash_completes_a_remote(sandbox):
    import subprocess
    make_tree(sandbox.home, {".ssh/config": "Host cse cluster other\n"})
    script = sandbox.run("completion", "bash").out
    (sandbox.directory / "complete.bash").write_text(script)
    command = ("source complete.bash; COMP_WORDS=(syncline push --remote c); COMP_CWORD=3; _syncline; "
               'printf "%s\\n" "${COMPREPLY[@]}"')
    env = {**sandbox.env, "PATH": f"{sandbox.binary.parent}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", command], cwd=sandbox.directory, env=env, capture_output=True, text=True, timeout=30, check=True)
    assert {"cluster:", "cse:"} <= set(done.stdout.split()) and "other:" not in done.stdout
