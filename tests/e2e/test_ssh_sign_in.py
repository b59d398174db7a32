"""Host keys and signing in: what is refused, and whether the message says what to do."""
import os
import pty
import re
import select
import subprocess
import termios
import time

import pytest

from harness import make_tree, read_tree
from ssh_server import keygen


@pytest.fixture
def job(sandbox, server):
    """Pushes one file to `cse:target`; returns the sandbox."""

    def make(head=""):
        make_tree(sandbox.source, {"file": "1"})
        sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}), head=head)
        return sandbox

    return make


def host(server, **keys):
    """A [hosts.cse] table; values as TOML."""
    return "[hosts.cse]\n" + "".join(f"{key} = {value}\n" for key, value in keys.items())


def test_an_unknown_host_key_is_refused_with_the_command_that_adds_it(job, sandbox, server):
    server.known_hosts.write_text("")
    result = job().run("push", "thesis", check=1)
    assert f"student@127.0.0.1:{server.port}" in result.err and "host key is not known" in result.err
    assert not sandbox.target.exists()
    fingerprint = subprocess.run(["ssh-keygen", "-l", "-f", server.keys / "host_ed25519.pub"], check=True,
                                 capture_output=True, text=True).stdout.split()[1]
    assert fingerprint in result.err
    command = re.search(r"`(ssh [^`]*)`", result.err).group(1)
    subprocess.run(command.replace("ssh ", f"ssh -o StrictHostKeyChecking=accept-new -o BatchMode=yes -i {server.key} ", 1)
                   + " true", shell=True, check=True, capture_output=True)
    sandbox.run("push", "thesis")
    assert read_tree(sandbox.target) == {"file": b"1"}


def test_accept_new_stores_the_key_and_believes_it_from_then_on(job, sandbox, server):
    server.known_hosts.unlink()
    # A file that is merely found may not have it so: tests/e2e/test_trust.py.
    job(host(server, host_key='"accept-new"')).apply(sandbox.job_file)
    assert server.known_hosts.read_text() == server.known_hosts_lines()
    job().apply()


def test_the_command_line_has_a_new_key_believed_for_the_asking(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    server.known_hosts.write_text("")
    sandbox.run("push", "source", "cse:target", check=1)
    sandbox.run("push", "source", "cse:target", "--accept-new-host-key")
    assert server.known_hosts.read_text() == server.known_hosts_lines()
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}), head=host(server, host_key='"strict"'))
    server.known_hosts.write_text("")
    sandbox.run("push", "thesis", "--accept-new-host-key", check=1)


@pytest.mark.parametrize("policy", ["strict", "accept-new"])
def test_a_changed_host_key_is_refused_always(job, sandbox, server, policy):
    job(host(server, host_key=f'"{policy}"')).apply(sandbox.job_file)
    server.change_host_keys()
    before = server.known_hosts.read_text()
    (sandbox.source / "file").write_text("secret")
    result = sandbox.run("push", "-f", sandbox.job_file, "thesis", check=1)
    assert "CHANGED" in result.err and "ssh-keygen -R" in result.err
    assert server.known_hosts.read_text() == before
    assert read_tree(sandbox.target) == {"file": b"1"}


def test_a_second_kind_of_host_key_is_no_changed_one(sandbox, start_server):
    server = start_server(host_key_types=("rsa", "ecdsa", "ed25519"))
    server.known_hosts.write_text(server.known_hosts_lines().splitlines()[0] + "\n")
    make_tree(sandbox.source, {"file": "1"})
    sandbox.run("push", "--remote", "cse:target", "--root", sandbox.source)
    assert read_tree(sandbox.target) == {"file": b"1"}


def test_a_wrong_key_is_refused_and_named(job, sandbox, server):
    other = keygen(sandbox.directory / "other", "-t", "ed25519")
    result = job(host(server, identity_file=f'"{other}"')).run("apply", "--once", sandbox.job_file, check=1)
    assert "signing in was refused" in result.err and str(other) in result.err and "identity_file" in result.err
    assert not sandbox.target.exists()


@pytest.mark.parametrize("kind", [("rsa", "-b", "2048"), ("ecdsa",), ("ed25519",)])
def test_kinds_of_keys(job, sandbox, server, kind):
    key = keygen(sandbox.directory / "other", "-t", *kind)
    (server.home / ".ssh/authorized_keys").write_text((sandbox.directory / "other.pub").read_text())
    job(host(server, identity_file=f'"{key}"')).run("apply", "--once", sandbox.job_file)
    assert read_tree(sandbox.target) == {"file": b"1"}


def test_nobody_listens(job, sandbox, server):
    server.refuse_connections()
    result = job().run("push", "thesis", check=1)
    assert f"127.0.0.1:{server.port}" in result.err and "refused" in result.err


def test_a_name_that_nobody_knows(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    result = sandbox.run("push", "--root", sandbox.source, "--remote", "no-such-host.invalid:", check=1)
    assert "no-such-host.invalid" in result.err


def test_one_job_that_fails_does_not_stop_the_others(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("bad", {"root": sandbox.source, "remote": "no-such-host.invalid:x"}),
                 ("good", {"root": sandbox.source, "remote": "cse:target"}))
    assert "bad" in sandbox.apply(check=1).err
    assert read_tree(sandbox.target) == {"file": b"1"}


def test_an_ssh_config_with_a_mistake(job, sandbox, server):
    with open(sandbox.home / ".ssh/config", "a", encoding="utf-8") as config:
        config.write("NoSuchKeyword yes\n")
    result = job().run("push", "thesis", check=2)
    assert "ssh -G" in result.err


# Passwords


@pytest.fixture
def password_server(sandbox, start_server):
    server = start_server(lines=["PasswordAuthentication yes", "PubkeyAuthentication no"])
    secret = subprocess.run(["openssl", "passwd", "-6", "s3cret word"], check=True, capture_output=True, text=True)
    server.write_accounts("/bin/sh", secret.stdout.strip())
    make_tree(sandbox.source, {"file": "1"})
    return server


def push_with(sandbox, password, **options):
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}), head=f"[hosts.cse]\npassword = {password}\n")
    return sandbox.run("push", "-f", sandbox.job_file, "thesis", "--log-file", sandbox.directory / "log", "-v", **options)


@pytest.mark.parametrize("password", [
    '{ env = "SECRET" }', '{ command = "printf \'s3cret word\\n\'; echo noise >&2" }', '"s3cret word"'])
def test_a_password_from_elsewhere(sandbox, password_server, password):
    result = push_with(sandbox, password, env={"SECRET": "s3cret word"})
    assert read_tree(sandbox.target) == {"file": b"1"}
    assert "s3cret" not in result.text + (sandbox.directory / "log").read_text()


@pytest.mark.parametrize("password, why", [
    ('{ env = "SECRET" }', "SECRET is not set"), ('{ command = "echo locked >&2; exit 3" }', "locked"),
    ("true", "no terminal"), ('{ command = "true" }', "printed nothing")])
def test_no_password_to_be_had(sandbox, password_server, password, why):
    assert why in push_with(sandbox, password, check=1).err
    assert not sandbox.target.exists()


def test_a_wrong_password_is_tried_once_and_never_shown(sandbox, password_server):
    result = push_with(sandbox, '"wr0ng"', check=1)
    assert "signing in was refused" in result.err and "wr0ng" not in result.text
    assert password_server.log().count("Failed password") == 1


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, sandbox, *args):
        self.text = b""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.chdir(sandbox.directory)
            os.execve(sandbox.binary, ["syncline", *map(str, args)], {**sandbox.env, "TERM": "xterm"})

    def read_until(self, word, deadline_s=30):
        end = time.monotonic() + deadline_s
        while word not in self.text:
            assert time.monotonic() < end, self.text
            if select.select([self.master], [], [], 1)[0]:
                try:
                    self.text += os.read(self.master, 65536)
                except OSError:
                    assert word in self.text, self.text

    def echoes(self):
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def type(self, text):
        os.write(self.master, text)

    def end(self):
        try:
            while chunk := os.read(self.master, 65536):
                self.text += chunk
        except OSError:
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.master)
        return os.waitstatus_to_exitcode(status)


def test_a_password_typed_on_the_terminal(sandbox, password_server):
    terminal = Terminal(sandbox, "push", "--root", sandbox.source, "--remote", "cse:target")
    terminal.read_until(b"assword for student@")
    assert not terminal.echoes()
    terminal.type(b"wrong\n")
    terminal.read_until(b"not accepted")
    terminal.type(b"s3cret word\n")
    assert terminal.end() == 0
    assert b"s3cret" not in terminal.text
    assert read_tree(sandbox.target) == {"file": b"1"}


def test_a_question_can_be_broken_off(sandbox, password_server):
    terminal = Terminal(sandbox, "push", "--root", sandbox.source, "--remote", "cse:target")
    terminal.read_until(b"assword for student@")
    terminal.type(b"\x03")
    terminal.read_until(b"cancelled")
    assert terminal.echoes()
    assert terminal.end() == 1


def test_a_passphrase_typed_on_the_terminal(sandbox, server):
    make_tree(sandbox.source, {"file": "1"})
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "open sesame", "-f", server.key], check=True, stdin=subprocess.DEVNULL)
    assert "encrypted" in sandbox.run(
        "push", "--root", sandbox.source, "--remote", "cse:target", check=1).err
    terminal = Terminal(sandbox, "push", "--root", sandbox.source, "--remote", "cse:target")
    terminal.read_until(b"assphrase for")
    terminal.type(b"open sesame\n")
    assert terminal.end() == 0
    assert read_tree(sandbox.target) == {"file": b"1"}


# What a job file that was only found may do


def test_a_found_job_file_may_not_name_whom_to_believe(job, sandbox, server):
    result = job(host(server, known_hosts=f'"{server.known_hosts}"')).run("push", "thesis", check=2)
    assert "known_hosts" in result.err and "syncline trust" in result.err
    sandbox.run("trust", "jobs.toml")
    sandbox.run("push", "thesis")


# Questions of the server's own


@pytest.fixture
def asking_server(sandbox, start_server):
    """Takes answers to its questions, and nothing else: keyboard-interactive."""
    rules = sandbox.directory / "pam"
    rules.write_text("auth required pam_unix.so\naccount required pam_permit.so\nsession required pam_permit.so\n")
    server = start_server(lines=["UsePAM yes", "KbdInteractiveAuthentication yes", "PubkeyAuthentication no"],
                          mounts=[f"mount --bind {rules} /etc/pam.d/sshd"])
    secret = subprocess.run(["openssl", "passwd", "-6", "s3cret word"], check=True, capture_output=True, text=True)
    server.write_accounts("/bin/sh", secret.stdout.strip())
    make_tree(sandbox.source, {"file": "1"})
    return server


def test_a_question_is_answered_with_the_password_from_elsewhere(sandbox, asking_server):
    result = push_with(sandbox, '{ env = "SECRET" }', env={"SECRET": "s3cret word"})
    assert read_tree(sandbox.target) == {"file": b"1"}
    assert "s3cret" not in result.text + (sandbox.directory / "log").read_text()
    assert "keyboard-interactive" in asking_server.log()


def test_a_question_is_asked_on_the_terminal(sandbox, asking_server):
    terminal = Terminal(sandbox, "push", "--root", sandbox.source, "--remote", "cse:target")
    terminal.read_until(b"assword")
    assert not terminal.echoes()
    terminal.type(b"s3cret word\n")
    assert terminal.end() == 0
    assert read_tree(sandbox.target) == {"file": b"1"}
    assert b"s3cret" not in terminal.text


def test_a_wrong_answer_is_given_once(sandbox, asking_server):
    result = push_with(sandbox, '"wr0ng"', check=1)
    assert "signing in was refused" in result.err and "wr0ng" not in result.text
