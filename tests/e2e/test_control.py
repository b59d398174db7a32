"""A running engine that is asked for things: status, trigger, pause, runs of others, watch and auto, the end."""
import json
import os
import shutil
import signal
import socket
import stat
import struct
import subprocess

import pytest

from harness import make_tree, read_tree, wait_for

SLOW = '[engine]\nbandwidth_limit = "64 KiB/s"\n'


def sockets(sandbox):
    return list((sandbox.directory / "runtime/syncline").glob("*.sock"))


def status(sandbox, name="copy", check=None):
    document = sandbox.run("status", "--json", check=check).json()
    return next(job for job in document["jobs"] if job["name"] == name)


def slow_job(sandbox, size=600_000, **keys):
    """A run of it takes some ten seconds."""
    make_tree(sandbox.source, {"big": os.urandom(size)})
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "interval": "1h", **keys}),
                 head=SLOW)


def ask(sandbox, data, shut=True):
    """The raw answer to raw bytes."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(sockets(sandbox)[0]))
        client.sendall(data)
        if shut:
            client.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := client.recv(65536):
            answer += chunk
        return answer


@pytest.mark.quick
def test_status_trigger_wait_and_stop(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = sandbox.start_engine()
    assert sandbox.run("wait", "copy").status == 0
    job = status(sandbox, check=0)
    assert (job["state"], job["generation"], job["last_success"]["put"]) == ("idle", 1, 1)
    assert stat.S_IMODE(os.stat(sockets(sandbox)[0]).st_mode) == 0o600

    make_tree(sandbox.source, {"b": "2"})
    sandbox.run("trigger", "copy")
    sandbox.run("wait", "copy")
    assert (sandbox.target / "b").exists()
    table = sandbox.run("status").out
    assert "copy" in table and "idle" in table and str(process.pid) in table

    assert "did you mean 'copy'" in sandbox.run("trigger", "copi", check=2).err
    sandbox.run("stop")
    assert process.wait(5) == 0, process.log()
    assert not sockets(sandbox)
    for command in (["status"], ["trigger", "copy"], ["stop"], ["wait", "copy"]):
        assert "no engine serves" in sandbox.run(*command, check=1).err


def test_a_failed_a_halted_and_a_stale_job_are_seen(sandbox):
    sandbox.job(interval="1h")
    sandbox.source.rmdir()
    sandbox.start_engine()
    assert sandbox.run("wait", "copy", check=3).status == 3
    result = sandbox.run("status", check=1)
    assert "halted" in result.out and "root-missing" in result.out
    sandbox.source.mkdir()
    sandbox.run("trigger", "copy")
    sandbox.run("wait", "copy")
    sandbox.run("status", check=0)
    sandbox.job(interval="1h", max_staleness="1s")
    wait_for(lambda: sandbox.run("status", check=None).status == 1)
    assert "stale" in sandbox.run("status", check=1).out


def test_pause_stops_the_run_and_resume_goes_on(sandbox):
    slow_job(sandbox)
    sandbox.start_engine()
    wait_for(lambda: status(sandbox)["state"] == "transferring")
    sandbox.run("pause", "copy")
    wait_for(lambda: status(sandbox)["state"] == "paused")
    assert "paused" in sandbox.run("trigger", "copy", check=1).err
    sandbox.run("wait", "copy", check=1)
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "interval": "1s"}))
    wait_for(lambda: status(sandbox)["next_run_at"] is None)
    assert not (sandbox.target / "big").exists()
    sandbox.run("resume", "copy")
    sandbox.run("wait", "copy")
    assert (sandbox.target / "big").exists()


def test_stop_in_the_middle_of_a_run_and_a_new_start(sandbox):
    slow_job(sandbox)
    process = sandbox.start_engine()
    wait_for(lambda: status(sandbox)["state"] == "transferring")
    sandbox.run("stop")
    # When stop has returned the lock is free.
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "interval": "1h"}))
    sandbox.run("apply", "--detach")
    assert process.wait(5) == 0
    sandbox.run("wait", "copy")
    assert read_tree(sandbox.target).keys() == {"big"}
    sandbox.run("stop")


def test_a_killed_engine_leaves_nothing_in_the_way(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = sandbox.start_engine()
    process.kill()
    process.wait()
    assert sockets(sandbox)
    assert "no engine serves" in sandbox.run("status", check=1).err
    sandbox.run("push", "copy")
    sandbox.start_engine()
    sandbox.run("wait", "copy")
    second = sandbox.run("apply", check=5)
    assert str(sockets(sandbox)[0]) in second.err and re_pid(second.err) == status_pid(sandbox)
    assert str(status_pid(sandbox)) in sandbox.run("apply", "--detach", check=5).err


def re_pid(text):
    return int(text.split("pid ")[1].split(",")[0])


def status_pid(sandbox):
    return sandbox.run("status", "--json").json()["pid"]


def test_push_goes_through_the_engine(sandbox):
    make_tree(sandbox.source, {"a": "1", "d/b": "2", "x.log": "3"})
    sandbox.job(interval="1h", on_start=False)
    sandbox.start_engine()
    result = sandbox.run("push", "copy", "d", cwd=sandbox.source)
    assert read_tree(sandbox.target).keys() == {"d/b"} and "1 put" in result.out
    # Found by the current directory, with a filter of the command line.
    event = [json.loads(line) for line in sandbox.run("push", "--json", "-x", "*.log", cwd=sandbox.source).out.splitlines()]
    assert event[0]["event"] == "run_started" and event[-1]["event"] == "run_finished"
    assert read_tree(sandbox.target).keys() == {"a", "d/b"}
    assert status(sandbox)["generation"] == 2
    # An edit that the engine may not have seen yet.
    sandbox.job(interval="1h", on_start=False, exclude=["a"])
    sandbox.run("push", "copy")
    assert "x.log" in read_tree(sandbox.target)
    # What halts here halts there, and --adopt travels.
    for entry in sandbox.source.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    assert "root-emptied" in sandbox.run("push", "copy", check=3).err
    sandbox.run("push", "copy", "--adopt")
    sandbox.run("push", "copy", "nowhere", check=2, cwd=sandbox.source)


def test_a_push_that_is_interrupted_stops_its_run(sandbox):
    slow_job(sandbox, on_start=False)
    sandbox.start_engine()
    client = sandbox.start("push", "copy")
    wait_for(lambda: status(sandbox)["state"] == "transferring")
    client.send_signal(signal.SIGINT)
    assert client.wait(10) == 1 and "stopped by the command" in client.log()
    assert status(sandbox)["last_attempt"]["outcome"] == "cancelled"
    # The same when it is killed.
    client = sandbox.start("push", "copy")
    wait_for(lambda: status(sandbox)["generation"] == 2)
    client.kill()
    wait_for(lambda: status(sandbox)["state"] == "idle")


def test_restart_cancels_what_runs(sandbox):
    slow_job(sandbox)
    sandbox.start_engine()
    wait_for(lambda: status(sandbox)["state"] == "transferring")
    (sandbox.source / "big").write_text("small now")
    sandbox.run("push", "copy", "--restart")
    assert (sandbox.target / "big").read_text() == "small now"
    assert status(sandbox)["generation"] == 2


def test_restart_ends_the_run_of_another_process(sandbox):
    slow_job(sandbox)
    other = sandbox.start("push", "copy")
    wait_for(lambda: sandbox.target.exists() and os.listdir(sandbox.target))
    sandbox.run("push", "copy", check=5)
    (sandbox.source / "big").write_text("small now")
    sandbox.run("push", "copy", "--restart")
    assert (sandbox.target / "big").read_text() == "small now"
    assert other.wait(10) == 1, other.log()


def test_a_reload_in_the_middle_of_a_run_of_a_client(sandbox):
    slow_job(sandbox, size=200_000, on_start=False)
    process = sandbox.start_engine()
    client = sandbox.start("push", "copy")
    wait_for(lambda: status(sandbox)["state"] == "transferring")
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "interval": "2h",
                           "on_start": False}), head='[engine]\nbandwidth_limit = "20 MiB/s"\n')
    assert client.wait(60) == 0, client.log()
    sandbox.jobs()
    process.send_signal(signal.SIGHUP)
    wait_for(lambda: "removed copy" in process.log())
    # The engine holds it no more, and neither does the file.
    sandbox.run("push", "copy", check=2)


def test_detach_tells_what_is_wrong_and_logs(sandbox):
    sandbox.job_file.write_text("version = 1\n[jobs.copy]\nroott = 3\n")
    sandbox.job_file.chmod(0o600)
    assert "roott" in sandbox.run("apply", "--detach", check=2).err
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    assert "log file" in sandbox.run("apply", "--detach", "--log-file", "/nowhere/log", check=2).err
    assert "--once" in sandbox.run("apply", "--detach", "--once", check=2).err
    log = sandbox.directory / "engine.log"
    result = sandbox.run("apply", "--detach", "--log-file", "engine.log")
    pid = status_pid(sandbox)
    assert f"pid {pid}" in result.out and os.readlink(f"/proc/{pid}/cwd") == "/"
    sandbox.run("wait", "copy")
    wait_for(lambda: "1 put" in log.read_text())
    sandbox.run("stop")


def test_auto_in_an_engine_of_its_own(sandbox):
    make_tree(sandbox.source, {"a": "1", "b.log": "2"})
    other = sandbox.directory / "other"
    make_tree(other, {"o": "1"})
    job = {"root": sandbox.source, "remote": sandbox.target, "fsync": False}
    sandbox.jobs(("copy", job), ("more", {**job, "root": other, "remote": sandbox.directory / "to"}))
    assert "no engine" in sandbox.run("auto", "copy", "--status", check=1).err
    assert "every 1.0 s" in sandbox.run("auto", "copy", "-i", "1s", "-x", "*.log").out
    wait_for(lambda: (sandbox.target / "a").exists())
    make_tree(sandbox.source, {"c": "3"})
    wait_for(lambda: (sandbox.target / "c").exists())
    assert not (sandbox.target / "b.log").exists() and not (sandbox.directory / "to").exists()
    shown = sandbox.run("auto", "copy", "--status").out
    assert "copy: on, every 1.0 s" in shown and "put" in shown
    # It holds through a reload, and another job is taken on.
    sandbox.jobs(("copy", {**job, "exclude": ["z"]}), ("more", {**job, "root": other, "remote": sandbox.directory / "to"}))
    sandbox.run("auto", "more")
    wait_for(lambda: (sandbox.directory / "to/o").exists())
    assert json.loads(sandbox.run("auto", "copy", "--status", "--json").out)["interval_ms"] == 1000
    sandbox.run("auto", "copy", "--stop")
    answer = json.loads(sandbox.run("auto", "copy", "--status", "--json").out)
    assert (answer["active"], answer["next_run_at"]) == (False, None)
    assert "no duration" in sandbox.run("auto", "copy", "-i", "soon", check=2).err
    sandbox.run("stop")


def test_auto_refuses_to_begin_with_deletes(sandbox):
    """What is on the target was never seen by a sync; the engine that was started for it does not stay."""
    make_tree(sandbox.source, {"a": "1"})
    make_tree(sandbox.target, {"precious": "1"})
    sandbox.job()
    assert "no-baseline" in sandbox.run("auto", "copy", check=3).err
    wait_for(lambda: "no engine" in sandbox.run("status", check=1).err)  # it may be met while it ends
    sandbox.run("auto", "copy", "--adopt")
    wait_for(lambda: not (sandbox.target / "precious").exists())
    sandbox.run("stop")


def test_watch_starts_and_stops(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    sandbox.start_engine()
    sandbox.run("watch", "copy")
    assert "copy: watched" in sandbox.run("watch", "copy", "--status").out
    sandbox.run("watch", "copy", "--stop")
    assert "copy: off" in sandbox.run("watch", "copy", "--status").out


@pytest.mark.quick
def test_hostile_bytes_on_the_socket(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    process = sandbox.start_engine()
    for data in (b"", b"\n", b"{}\n", b"[1,2]\n", b"\xff\xfe\0\n", b'{"command":3}\n', b'{"command":"explode"}\n', b"[" * 99999 + b"\n",
                 b'{"command":"status","job":"\\u0000"}\n', b'{"command":"push","job":"copy","paths":["../../etc"]}\n',
                 b'{"command":"status","paths":[[300]]}\n', os.urandom(5000) + b"\n", b"GET / HTTP/1.1\r\n\r\n"):
        for line in ask(sandbox, data).splitlines():
            assert "exit_status" in json.loads(line), data
    # One line after the other, and a line without an end.
    answers = ask(sandbox, b'{"command":"status"}\n{"command":"status"}\n{"command":')
    assert len(answers.splitlines()) == 2
    with socket.socket(socket.AF_UNIX) as flood:
        flood.connect(str(sockets(sandbox)[0]))
        flood.settimeout(20)
        with pytest.raises(OSError):
            for _ in range(100):
                flood.sendall(b"x" * 100_000)
    # Clients that never speak, never read, or break off, many of them.
    silent = [socket.socket(socket.AF_UNIX) for _ in range(40)]
    for number, client in enumerate(silent):
        client.connect(str(sockets(sandbox)[0]))
        client.sendall([b"", b'{"command":"status"}\n' * 1000, b'{"command":'][number % 3])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if number % 2:
            client.close()
    sandbox.run("trigger", "copy")
    sandbox.run("wait", "copy")
    assert process.poll() is None
    for client in silent:
        client.close()


def test_other_users_are_refused(sandbox, needs_root):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    sandbox.start_engine()
    path = sockets(sandbox)[0]
    # Open the way to the socket: the mode keeps others out, and behind it the engine asks the kernel who it is.
    for each in (path, path.parent, path.parent.parent):
        each.chmod(0o777)
    script = f"import socket; s = socket.socket(socket.AF_UNIX); s.connect({str(path)!r}); " \
             "s.sendall(b'{\"command\":\"stop\"}\\n'); print(len(s.recv(100)))"
    done = subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3", "-c", script],
                          capture_output=True, check=False)
    assert done.stdout.strip() in (b"0", b"") and sandbox.run("status").status == 0


def test_a_path_that_is_longer_than_an_address(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    long = sandbox.directory / ("r" * 120)
    long.mkdir(mode=0o700)
    sandbox.env["XDG_RUNTIME_DIR"] = str(long)
    sandbox.job(interval="1h")
    sandbox.start_engine()
    assert list((long / "syncline").glob("*.sock"))
    # Whoever has other variables finds it all the same.
    sandbox.run("wait", "copy", env={"XDG_RUNTIME_DIR": "/nowhere"})


def test_idle_connections_keep_nobody_out(sandbox):
    sandbox.job()
    sandbox.start_engine()
    path = str(sockets(sandbox)[0])
    idle = [socket.socket(socket.AF_UNIX) for _ in range(300)]
    try:
        for client in idle:
            client.settimeout(20)
            client.connect(path)
        assert sandbox.run("status", "--json", check={0}).json()  # another process is served at once
        answers = [json.loads(line) for line in (client.recv(4096) for client in idle) if line]
    finally:
        for client in idle:
            client.close()
    # The others are let go, for they asked nothing.
    assert len(answers) > 250
    for answer in answers:
        assert answer["exit_status"] == 1 and f"your process {os.getpid()} has" in answer["message"]
