"""`syncline run`: a command in the remote project directory, as if it ran here."""
import fcntl
import os
import pty
import select
import signal
import subprocess
import termios
import time

import pytest

from harness import make_tree, read_tree, wait_for
from ssh_server import DropbearServer

pytestmark = pytest.mark.quick


@pytest.fixture
def project(sandbox, server):
    """One job from the source to `cse:target`."""
    make_tree(sandbox.source, {"a": "1", "sub/b": "2"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    return sandbox


def piped(sandbox, *args, stdin=b"", cwd=None, env=None):
    """Status, stdout and stderr as bytes."""
    done = subprocess.run(sandbox.command(args), input=stdin, cwd=cwd or sandbox.directory, env={**sandbox.env, **(env or {})},
                          capture_output=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def test_the_command_runs_where_the_push_went(project):
    status, out, err = piped(project, "run", "thesis", "--", "sh", "-c", "pwd; cat a sub/b")
    assert (status, out) == (0, f"{project.target}\n12".encode()), err
    assert b"thesis" in err, "what the push did is told, and not on standard output"
    status, out, err = piped(project, "run", "--", "cat", "a", cwd=project.source / "sub")
    assert (status, out, err) == (0, b"1", b""), "the job whose root holds the current directory; nothing to tell"


def test_arguments_are_literal_and_streams_are_bytes(project):
    words = ["a b", "$HOME", "*", "'\"\\", "", "-n", "x\ny", "`id`"]
    status, out, _ = piped(project, "run", "thesis", "--", "printf", "%s|", *words)
    assert (status, out) == (0, "".join(f"{word}|" for word in words).encode())
    everything = bytes(range(256)) * 2000
    status, out, err = piped(project, "run", "thesis", "--", "sh", "-c", "cat; echo oops >&2", stdin=everything)
    assert (status, out, err) == (0, everything, b"oops\n")


def test_exit_statuses_pass(project):
    run = lambda *command: piped(project, "run", "thesis", "--skip-sync", "--", *command)[0]
    assert run("true") == 0
    assert run("sh", "-c", "exit 7") == 7
    assert run("no-such-program") == 127
    assert run("sh", "-c", "kill -TERM $$") == 128 + signal.SIGTERM


def test_without_a_status_there_is_255(project, server):
    project.jobs(("thesis", {"root": project.source, "remote": "cse:target", "delete": "mirror"}))
    make_tree(project.directory, {"server-0/student/target/old": "x"})
    status, out, err = piped(project, "run", "thesis", "--", "touch", "ran")
    assert (status, out) == (255, b"") and b"no-baseline" in err and b"--skip-sync" in err
    assert not (project.target / "ran").exists()
    server.refuse_connections()
    status, _, err = piped(project, "run", "thesis", "--skip-sync", "--", "true")
    assert status == 255 and b"127.0.0.1" in err


def test_bad_usage_runs_nothing(project):
    for args, word in [(["thesis"], "CMD is missing"), (["thesis", "--sync", "--skip-sync", "--", "id"], "exclude each other"),
                       (["nothing", "--", "id"], "no job"),
                       (["thesis", "--env", "MISSING", "--", "id"], "not set here"),
                       (["thesis", "--env", "1X=2", "--", "id"], "no name")]:
        result = project.run("run", *args, check=2)
        assert word in result.err
    assert "no paths" in project.run("run", "./a", "--", "id", cwd=project.source, check=2).err
    assert not project.target.exists()
    project.jobs(("here", {"root": project.source, "remote": project.directory / "copy"}))
    assert "SSH destinations only" in project.run("run", "here", "--", "id", check=2).err


def test_a_directory_of_ones_own_is_not_synced_to(project):
    elsewhere = project.target.parent / "new/deep"
    status, out, err = piped(project, "run", "thesis", "-d", "~/new/deep", "--", "sh", "-c", "pwd; ls -A")
    assert (status, out) == (0, f"{elsewhere}\n".encode()), err
    assert os.stat(elsewhere).st_mode & 0o777 == 0o700, "it was made, for its owner alone"
    status, out, err = piped(project, "run", "thesis", "-d", "~/new/deep", "--sync", "--", "ls")
    assert (status, out) == (0, b"a\nsub\n"), err
    project.jobs(("thesis", {"root": project.source, "remote": "cse:unsynced", "sync_before_run": False}))
    assert piped(project, "run", "thesis", "--", "ls")[:2] == (0, b"")
    assert piped(project, "run", "thesis", "--sync", "--", "ls")[:2] == (0, b"a\nsub\n")


def test_no_job_file_is_needed(project):
    project.job_file.unlink()
    (project.source / ".git").mkdir()
    status, out, err = piped(project, "run", "--remote", "cse:", "--", "sh", "-c", "pwd; ls", cwd=project.source / "sub")
    assert status == 0, err
    directory, *names = out.decode().splitlines()
    assert "/.cache/syncline/projects/source-" in directory and names == ["a", "sub"]


def test_variables(project):
    here = {"LC_ONE": "1", "LC_TWO": "2 'quoted'\n$x", "SECRET_A": "s", "PLAIN": "p"}
    show = ["--", "sh", "-c", 'printf "%s|" "$LC_ONE" "$LC_TWO" "$SECRET_A" "$PLAIN" "$GIVEN"']
    env = lambda *specs: piped(project, "run", "thesis", *[word for spec in specs for word in ("--env", spec)], *show, env=here)[1]
    assert env() == b"|||||"
    assert env("LC_*", "!LC_ONE", "PLAIN", "GIVEN=a=b") == b"|2 'quoted'\n$x||p|a=b|"
    assert env("*", "!SECRET_*", "!PATH", "!HOME", "!LC_ALL") == b"1|2 'quoted'\n$x||p||"


def test_pull_brings_results_back(project):
    make_tree(project.source, {"out": "old @generated", "mine": "mine"})
    make = ["--", "sh", "-c", "echo new @generated > out; echo theirs > mine; exit $0"]
    assert piped(project, "run", "thesis", "--pull", *make, "3")[0] == 3
    assert read_tree(project.source)["out"] == b"old @generated", "a failed command pulls nothing"
    status, _, err = piped(project, "run", "thesis", "--skip-sync", "--pull-always", *make, "3")
    assert status == 3, err
    tree = read_tree(project.source)
    assert tree["out"] == b"new @generated\n" and tree["mine"] == b"mine"
    make_tree(project.source, {"out": "old @generated"})
    assert piped(project, "run", "thesis", "--pull", *make, "0")[0] == 0
    assert read_tree(project.source)["out"] == b"new @generated\n"


def test_a_pull_stays_away_from_what_changed_meanwhile(project):
    make_tree(project.source, {"out": "old @generated"})
    edit = ["--", "sh", "-c", f"echo new @generated > out; echo 'mine @generated' > {project.source}/out"]
    subprocess.run(["chmod", "-R", "o+rwX", project.source], check=True)
    status, _, err = piped(project, "run", "thesis", "--pull", *edit)
    assert status != 0 and b"out changed here while the command ran" in err
    assert read_tree(project.source)["out"] == b"mine @generated\n"


def test_signals_reach_the_command(project):
    script = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done"
    process = subprocess.Popen(project.command(["run", "thesis", "--", "sh", "-c", script]), cwd=project.directory,
                               env=project.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    project.running.append(process)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGINT)
    assert process.stdout.readline() == b"caught\n"
    assert process.wait(timeout=30) == 9


def test_a_reader_that_leaves_ends_it(project):
    pipe = subprocess.run(["sh", "-c", '"$@" | head -n 1', "sh", *project.command(["run", "thesis", "--", "yes"])],
                          cwd=project.directory, env=project.env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=True)
    assert pipe.stdout == b"y\n"


def test_noise_of_the_login_shell_is_not_the_commands_output(sandbox, start_server):
    server = start_server(shell="/bin/bash")
    (server.home / ".bashrc").write_text("echo noise; echo more noise >&2\n")
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    assert piped(sandbox, "run", "thesis", "--", "echo", "word")[1:] == (b"word\n", b"")


def test_on_a_terminal_the_command_has_one(project):
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (33, 101))
    before = termios.tcgetattr(follower)  # once the program runs, it may have changed it already
    script = "test -t 0 && test -t 1 && stty size; trap 'stty size' WINCH; echo ready; read line; echo got $line; cat"
    process = subprocess.Popen(project.command(["run", "thesis", "-q", "--", "sh", "-c", script]), cwd=project.directory,
                               env={**project.env, "TERM": "xterm"}, stdin=follower, stdout=follower, stderr=follower,
                               start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
    project.running.append(process)
    seen = b""

    def sees(word, times=1):
        nonlocal seen
        deadline = time.monotonic() + 30
        while seen.count(word) < times:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([leader], [], [], left)[0] and process.poll() is None, seen
            seen += os.read(leader, 4096)

    sees(b"33 101\r\n")
    sees(b"ready")
    os.write(leader, b"hello\r")
    sees(b"got hello")
    termios.tcsetwinsize(leader, (20, 60))
    os.killpg(process.pid, signal.SIGWINCH)
    os.write(leader, b"more\r")
    sees(b"more\r\n", times=2)  # the terminal's echo and cat's; what the shell says of the new size may come between
    os.write(leader, b"\x03")
    assert process.wait(timeout=30) == 128 + signal.SIGINT
    after = termios.tcgetattr(follower)
    assert after[:4] == before[:4] or wait_for(lambda: termios.tcgetattr(follower)[:4] == before[:4])
    os.close(leader)
    os.close(follower)


@pytest.mark.parametrize("name", ["QUIT", "USR1", "USR2"])
def test_other_signals_reach_the_command_too(project, name):
    script = f"trap 'echo caught; exit 9' {name}; echo ready; while :; do sleep 0.1; done"
    process = subprocess.Popen(project.command(["run", "thesis", "--", "sh", "-c", script]), cwd=project.directory,
                               env=project.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    project.running.append(process)
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(getattr(signal, f"SIG{name}"))
    assert process.stdout.readline() == b"caught\n"
    assert process.wait(timeout=30) == 9


def test_progress_leaves_the_terminal_to_the_command(project):
    piped(project, "run", "thesis", "--", "true")
    leader, follower = pty.openpty()
    process = subprocess.Popen(project.command(["run", "thesis", "--", "printf", "abc"]), cwd=project.directory,
                               env={**project.env, "TERM": "xterm"}, stdin=follower, stdout=follower, stderr=follower)
    project.running.append(process)
    assert process.wait(timeout=30) == 0
    os.close(follower)
    seen = os.read(leader, 65536)
    line = seen[:seen.index(b"abc")]
    assert line == b"" or line.endswith((b"\r\x1b[K", b"\n")), seen
    assert b"\x1b[K" not in seen[seen.index(b"abc"):] and b"\r" not in seen[seen.index(b"abc"):], seen
    os.close(leader)


def test_each_run_that_started_finishes_in_json(project):
    for _ in range(2):
        _, out, err = piped(project, "run", "--json", "thesis", "--pull", "--", "true")
        events = [line.split(b'"event":"')[1].split(b'"')[0] for line in (out + err).splitlines() if b'"event":"' in line]
        assert events == [b"run_started", b"run_finished"] * 2


def test_an_end_that_the_server_does_not_tell_is_no_success(sandbox, start_server):
    """Dropbear tells neither a status nor a signal for a command that SIGBUS ended."""
    start_server(DropbearServer)
    make_tree(sandbox.source, {"a": "1 @generated"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    for pull in "--pull", "--pull-always":
        status, _, err = piped(sandbox, "run", "thesis", pull, "--", "sh", "-c", "echo 2 @generated >a; kill -BUS $$")
        assert status == 255 and b"did not tell how the command ended" in err
        assert read_tree(sandbox.source) == {"a": b"1 @generated"}


def test_dropbear_starts_one_command_after_the_other(sandbox, start_server):
    start_server(DropbearServer)
    make_tree(sandbox.source, {"a": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    for _ in range(8):
        assert piped(sandbox, "run", "thesis", "--", "cat", "a")[:2] == (0, b"1")


def test_restart_cancels_the_push_that_an_engine_does(sandbox, server):
    make_tree(sandbox.source, {"big": os.urandom(600_000)})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target", "interval": "1h"}),
                 head='[engine]\nbandwidth_limit = "64 KiB/s"\n')
    engine = sandbox.start("apply")
    wait_for(lambda: '"transferring"' in sandbox.run("status", "--json", check=None).out)
    (sandbox.source / "big").write_text("small now")
    status, out, err = piped(sandbox, "run", "thesis", "--restart", "--", "cat", "big")
    assert (status, out) == (0, b"small now"), err
    engine.send_signal(signal.SIGTERM)
    assert engine.wait(20) == 0, engine.log()


def test_restart_ends_the_push_of_another_process(sandbox, server):
    make_tree(sandbox.source, {"big": os.urandom(600_000)})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}), head='[engine]\nbandwidth_limit = "64 KiB/s"\n')
    other = sandbox.start("push", "thesis")
    wait_for(lambda: sandbox.target.exists() and os.listdir(sandbox.target))
    assert piped(sandbox, "run", "thesis", "--", "true")[0] == 255, "locked"
    (sandbox.source / "big").write_text("small now")
    status, out, err = piped(sandbox, "run", "thesis", "--restart", "--", "cat", "big")
    assert (status, out) == (0, b"small now"), err
    assert other.wait(20) == 1, other.log()
