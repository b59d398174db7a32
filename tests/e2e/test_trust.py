"""A found job file that is not trusted stops what uses the jobs that reach too far, and nothing else."""
import fcntl
import os
import pathlib
import shutil
import sqlite3
import subprocess

import pytest

from harness import make_tree, read_tree
from terminal import Terminal

FIRST_VERSION = pathlib.Path(__file__).resolve().parents[1] / "state/versions/4/state.db"


def write_jobs(sandbox):
    """A project with a job that stays inside and one that leaves it; the file belongs to the project."""
    project = sandbox.directory / "project"
    (project / "near").mkdir(parents=True)
    (project / "near/file").write_text("near")
    path = project / "jobs.toml"
    path.write_text(
        'version = 1\n[jobs.near]\nroot = "near"\nremote = "copy"\nfsync = false\n'
        '[jobs.far]\nroot = "near"\nremote = "../far"\nfsync = false\n'
        '[hosts.unused]\npassword = { command = "true" }\n')
    path.chmod(0o600)
    return project


def test_a_job_that_stays_inside_runs(sandbox):
    project = write_jobs(sandbox)
    sandbox.run("plan", "--job", "near", cwd=project)
    sandbox.run("apply", "--once", "--job", "near", cwd=project)
    assert read_tree(project / "copy") == {"file": b"near"}
    sandbox.run("push", "near", cwd=project)


def test_a_job_that_leaves_is_refused_alone_and_with_others(sandbox):
    project = write_jobs(sandbox)
    for args in (["plan"], ["plan", "--job", "far"], ["apply", "--once"], ["push", "far"]):
        refusal = sandbox.run(*args, cwd=project, check=2).err
        assert "[jobs.far] has its remote outside" in refusal and "[hosts.unused]" not in refusal
    assert not (sandbox.directory / "far").exists()


def test_a_run_without_a_job_is_not_the_files_business(sandbox):
    project = write_jobs(sandbox)
    sandbox.run("push", "--root", "near", "--remote", sandbox.target, cwd=project)
    assert read_tree(sandbox.target) == {"file": b"near"}


def test_commands_of_the_defaults_need_trust_everywhere(sandbox):
    project = write_jobs(sandbox)
    with open(project / "jobs.toml", "a", encoding="utf-8") as file:
        file.write('[defaults]\non_success = "touch evil"\n')
    for args in (["plan", "--job", "near"], ["push", "--root", "near", "--remote", sandbox.target]):
        assert "runs a command" in sandbox.run(*args, cwd=project, check=2).err


def far_job(sandbox, *lines):
    """A file that is found, with a job that leaves its directory; the directory."""
    project = sandbox.directory / "project"
    make_tree(project, {"near/file": "near"})
    path = project / "jobs.toml"
    path.write_text("\n".join(['version = 1', '[jobs.far]', 'root = "near"', 'remote = "../far"', 'fsync = false', *lines, '']))
    path.chmod(0o600)
    return project


def test_trust_is_in_facts_and_check_lists_them(sandbox):
    project = far_job(sandbox)
    listed = sandbox.run("check", cwd=project).out
    fact = f"[jobs.far] has its remote outside of the job file's directory: {sandbox.directory / 'far'}, which it writes to"
    assert f"needs trust: jobs.toml:4:1: {fact}\n" in listed and "1 job, no errors" in listed
    assert fact in sandbox.run("trust", "jobs.toml", cwd=project).out
    assert f"\ntrusted: jobs.toml:4:1: {fact}" in "\n" + sandbox.run("check", cwd=project).out
    far_job(sandbox, 'exclude = ["*.o"]', 'delete = "never"')
    sandbox.run("push", "far", cwd=project)
    far_job(sandbox, 'on_success = "touch ran"')
    refusal = sandbox.run("push", "far", cwd=project, check=2).err
    assert "on_success = touch ran" in refusal and "remote outside" not in refusal
    # Another direction is another fact: the far side was only written to.
    far_job(sandbox, 'direction = "pull"')
    assert "which it reads" in sandbox.run("pull", "far", cwd=project, check=2).err


def test_a_merely_found_file_does_not_have_new_host_keys_believed(sandbox):
    project = far_job(sandbox)
    with open(project / "jobs.toml", "a", encoding="utf-8") as file:
        file.write('[jobs.server]\nroot = "near"\nremote = "h:"\n[hosts.h]\nhostname = "127.0.0.1"\nhost_key = "accept-new"\n')
    assert "host_key = accept-new" in sandbox.run("push", "server", cwd=project, check=2).err
    assert not (sandbox.home / ".ssh").exists()


def test_the_users_own_file_needs_no_trust_while_nobody_else_may_write_it(sandbox):
    own = sandbox.directory / "config/syncline"
    own.mkdir(mode=0o700)
    make_tree(sandbox.directory, {"near/file": "near"})
    (own / "jobs.toml").write_text(f'version = 1\n[jobs.far]\nroot = "{sandbox.directory}/near"\nremote = "{sandbox.directory}/far"\n'
                                   'fsync = false\non_success = "true"\n')
    (own / "jobs.toml").chmod(0o600)
    elsewhere = sandbox.directory / "elsewhere"
    elsewhere.mkdir()
    sandbox.run("push", "far", cwd=elsewhere)
    assert read_tree(sandbox.directory / "far") == {"file": b"near"}
    assert "needs trust" not in sandbox.run("check", cwd=elsewhere).out
    own.chmod(0o777)
    assert "is not trusted" in sandbox.run("push", "far", cwd=elsewhere, check=2).err


@pytest.mark.parametrize("answer", ["y", "n"])
def test_a_terminal_is_asked_about_just_these_facts(sandbox, answer):
    project = far_job(sandbox)
    os.rename(project / "jobs.toml", sandbox.directory / "jobs.toml")
    os.rename(project / "near", sandbox.directory / "near")
    (sandbox.directory / "jobs.toml").write_text(
        (sandbox.directory / "jobs.toml").read_text().replace('"../far"', '"/tmp/never-there/far"'))
    with Terminal(sandbox, "plan", columns=200) as terminal:
        shown = terminal.wait_for(lambda screen: "[y/N]" in screen.text and screen.text)
        assert "[jobs.far] has its remote outside" in shown
        terminal.type(answer.encode() + b"\n")
        if answer == "y":
            terminal.wait_for(lambda screen: "file" in screen.text.partition("[y/N]")[2])
        assert terminal.process.wait(30) == (0 if answer == "y" else 2)
    sandbox.run("plan", check=0 if answer == "y" else 2)


def test_an_engine_that_serves_the_file_is_asked_without_trust(sandbox):
    project = far_job(sandbox)
    path = project / "jobs.toml"
    sandbox.start("apply", "-f", path, cwd=project)
    deadline_run(sandbox, project)
    sandbox.run("push", "far", cwd=project)
    sandbox.run("watch", "far", cwd=project)
    sandbox.run("trigger", "far", cwd=project)
    sandbox.run("plan", cwd=project, check=2)


def deadline_run(sandbox, project):
    from harness import wait_for
    wait_for(lambda: sandbox.run("wait", "far", cwd=project, check=None).status == 0)


def first_version_state(sandbox):
    sandbox.state.mkdir(mode=0o700, exist_ok=True)
    shutil.copy(FIRST_VERSION, sandbox.state / "state.db")
    return sqlite3.connect(sandbox.state / "state.db")


def test_trust_of_the_first_version_becomes_trust_in_what_the_file_does(sandbox):
    project = far_job(sandbox)
    digest = subprocess.run(["sha256sum", project / "jobs.toml"], capture_output=True, text=True, check=True).stdout.split()[0]
    for text, status in ((digest, 0), ("0" * 64, 2)):
        with first_version_state(sandbox) as database:
            database.execute("INSERT INTO trusted VALUES (?, ?)", (os.fsencode(project / "jobs.toml"), text.encode()))
        database.close()
        sandbox.run("plan", cwd=project, check=status)
        far_job(sandbox, 'exclude = ["*.o"]')
        sandbox.run("plan", cwd=project, check=status)
        far_job(sandbox)
        assert (sandbox.state / "state.db.version-4").exists()
        for name in os.listdir(sandbox.state):
            if name.startswith("state.db"):
                os.unlink(sandbox.state / name)


def test_an_engine_of_the_first_version_is_told_of(sandbox):
    first_version_state(sandbox).close()
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job()
    locks = sandbox.state / "locks"
    locks.mkdir(mode=0o700)
    with open(locks / "engine-0123456789abcdef.lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        refusal = sandbox.run("push", "copy", check=5).err
        assert f"the engine of an older syncline (PID {os.getpid()})" in refusal and "syncline stop" in refusal
        assert not (sandbox.state / "state.db.version-4").exists() and not sandbox.target.exists()
    sandbox.run("push", "copy")
    assert (sandbox.state / "state.db.version-4").exists()
