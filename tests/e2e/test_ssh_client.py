"""What the ssh client does, syncline does: where keys are looked for, who is asked, and what a server grants."""
import os
import re
import socket
import subprocess

import pytest

from harness import make_tree, read_tree
from ssh_server import HOST, keygen
from test_ssh_sign_in import Terminal


@pytest.fixture
def push(sandbox):
    """push(...): pushes one file to `cse:target` and says how it went."""

    def run(*options, check=None, **keywords):
        make_tree(sandbox.source, {"file": "1"})
        return sandbox.run("push", "--root", sandbox.source, "--remote", "cse:target", *options, check=check, **keywords)

    return run


def arrived(sandbox):
    return sandbox.target.exists() and read_tree(sandbox.target) == {"file": b"1"}


def fingerprint_of(path):
    return subprocess.run(["ssh-keygen", "-l", "-f", path], check=True, capture_output=True, text=True).stdout.split()[1]


# Host keys


def test_a_key_under_the_plain_name_counts_at_another_port(push, sandbox, server):
    server.known_hosts.write_text(server.known_hosts_lines().replace(f"[{HOST}]:{server.port}", HOST))
    assert push().status == 0 and arrived(sandbox)
    # But what stands under the port is the truth of it.
    other = keygen(sandbox.directory / "other", "-t", "ed25519")
    name, blob = (sandbox.directory / f"{other.name}.pub").read_text().split()[:2]
    with open(server.known_hosts, "a", encoding="utf-8") as known:
        known.write(f"[{HOST}]:{server.port} {name} {blob}\n")
    assert "CHANGED" in push(check=1).err


@pytest.fixture
def certified(sandbox, server):
    """certified(*options of ssh-keygen): the server shows a certificate, and known_hosts has the authority's key alone."""

    def certify(*options):
        authority = keygen(server.keys / "authority", "-t", "ed25519")
        public = server.keys / "host_ed25519.pub"
        subprocess.run(["ssh-keygen", "-q", "-s", authority, "-I", "server", "-h", *options, public], check=True)
        with open(server.directory / "sshd_config", "a", encoding="utf-8") as config:
            config.write(f"HostCertificate {server.keys}/host_ed25519-cert.pub\n")
        name, blob = (server.keys / "authority.pub").read_text().split()[:2]
        server.known_hosts.write_text(f"@cert-authority * {name} {blob}\n")

    return certify


def test_a_certificate_of_a_known_authority_counts(push, sandbox, certified):
    certified("-n", HOST)
    assert push().status == 0 and arrived(sandbox)


@pytest.mark.parametrize("options, why", [
    (["-n", "elsewhere"], "for other names"), (["-n", HOST, "-V", "20000101:20010101"], "expired")], ids=["name", "time"])
def test_a_certificate_that_does_not_fit_is_refused(push, sandbox, certified, options, why):
    certified(*options)
    result = push(check=1)
    assert "certificate authority" in result.err and why in result.err
    assert not arrived(sandbox)


def test_a_certificate_of_another_authority_is_refused(push, sandbox, server, certified):
    certified("-n", HOST)
    other = keygen(server.keys / "other", "-t", "ed25519")
    server.known_hosts.write_text("@cert-authority * " + other.with_suffix(".pub").read_text())
    assert "another authority signed it" in push(check=1).err
    assert not arrived(sandbox)


@pytest.mark.parametrize("answer, status", [("yes", 0), ("fingerprint", 0), ("no", 1)])
def test_an_unknown_key_is_asked_about(sandbox, server, answer, status):
    server.known_hosts.write_text("")
    make_tree(sandbox.source, {"file": "1"})
    terminal = Terminal(sandbox, "push", "--root", sandbox.source, "--remote", "cse:target")
    terminal.read_until(b"(yes/no/[fingerprint])? ")
    fingerprint = fingerprint_of(server.keys / "host_ed25519.pub")
    assert f"ED25519 key fingerprint is {fingerprint}.".encode() in terminal.text
    terminal.type(b"maybe\n")
    terminal.read_until(b"Please type 'yes', 'no' or the fingerprint: ")
    terminal.type((fingerprint if answer == "fingerprint" else answer).encode() + b"\n")
    assert terminal.end() == status
    assert arrived(sandbox) == (status == 0)
    assert server.known_hosts.read_text() == (server.known_hosts_lines() if status == 0 else "")


def test_accept_new_on_the_command_line(push, sandbox, server):
    server.known_hosts.write_text("")
    assert push("--accept-new-host-key").status == 0 and arrived(sandbox)
    assert server.known_hosts.read_text() == server.known_hosts_lines()


def test_the_command_of_the_message_works_where_paths_are_odd(push, sandbox, server):
    odd = sandbox.directory / "with a blank %h"
    config = sandbox.home / ".ssh/config"
    config.write_text(config.read_text().replace(f"UserKnownHostsFile {server.known_hosts}",
                                                 f'UserKnownHostsFile "{str(odd).replace("%", "%%")}"'))
    odd.write_text("")
    command = re.search(r"`(ssh [^`]*)`", push(check=1).err)[1]
    subprocess.run(command.replace("ssh ", f"ssh -o StrictHostKeyChecking=accept-new -o BatchMode=yes -i {server.key} ", 1)
                   + " true", shell=True, check=True, capture_output=True)
    assert odd.read_text() == server.known_hosts_lines()
    assert push().status == 0 and arrived(sandbox)


def test_global_files_that_are_missing_or_cannot_be_read(push, sandbox, start_server):
    start_server()
    directory = sandbox.directory / "global"  # a directory cannot be read as a file, whoever asks
    directory.mkdir()
    config = sandbox.home / ".ssh/config"
    config.write_text(config.read_text().replace("GlobalKnownHostsFile /dev/null", f"GlobalKnownHostsFile {directory} /none/there"))
    assert push().status == 0 and arrived(sandbox)


# Ways there


def test_an_address_in_brackets(sandbox, server):
    sandbox.add_ssh_host(server, "::1")
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "[::1]:target"}))
    assert "[::1]:~/target" in sandbox.run("plan").text
    sandbox.run("push", "thesis")
    assert arrived(sandbox)
    assert "./~bob" in sandbox.run("push", "--root", sandbox.source, "--remote", "cse:~bob/x", check=2).err


def test_a_server_that_does_not_answer_is_being_connected_to(sandbox, server):
    silent = socket.create_server((HOST, 0))
    (sandbox.home / ".ssh/config").write_text(server.ssh_config(Port=silent.getsockname()[1]))
    make_tree(sandbox.source, {"file": "1"})
    terminal = Terminal(sandbox, "push", "--root", sandbox.source, "--remote", "cse:target")
    terminal.read_until(b"connecting")
    terminal.type(b"\x03")
    assert terminal.end() == 1
    silent.close()


# Whose key


def start_agent(sandbox, keys):
    path = sandbox.directory / "agent"
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE)
    agent.stdout.readline()
    for key in keys:
        subprocess.run(["ssh-add", "-q", key], env={**os.environ, "SSH_AUTH_SOCK": str(path)}, check=True)
    return agent, path


def ssh_config_with(sandbox, server, **keys):
    (sandbox.home / ".ssh/config").write_text(server.ssh_config(**keys))


@pytest.mark.parametrize("value", ["$MY_AGENT", "${MY_AGENT}", "SSH_AUTH_SOCK"])
def test_the_agent_that_ssh_config_names(push, sandbox, server, value):
    agent, path = start_agent(sandbox, [server.key])
    try:
        ssh_config_with(sandbox, server, IdentityFile="/none", IdentitiesOnly="no", IdentityAgent=value)
        name = "SSH_AUTH_SOCK" if value == "SSH_AUTH_SOCK" else "MY_AGENT"
        assert push(env={name: str(path)}).status == 0 and arrived(sandbox)
    finally:
        agent.kill()
        agent.wait()


def test_paths_of_keys_as_ssh_reads_them(push, sandbox, server):
    directory = sandbox.home / "my keys"
    directory.mkdir()
    key = directory / f"{HOST}-student"
    key.write_text(server.key.read_text())
    key.chmod(0o600)
    ssh_config_with(sandbox, server, IdentityFile=f'/none\n  IdentityFile "{sandbox.home}/my keys/%h-%r"')
    assert push().status == 0 and arrived(sandbox)
    ssh_config_with(sandbox, server, IdentityFile='"${KEYS}/%h-%r"')
    sandbox.target.joinpath("file").unlink()
    assert push(env={"KEYS": str(directory)}).status == 0 and arrived(sandbox)


def test_too_many_keys_are_named_with_the_remedy(push, sandbox, start_server):
    server = start_server(lines=["MaxAuthTries 2"])
    agent, path = start_agent(sandbox, [keygen(sandbox.directory / f"key{i}", "-t", "ed25519") for i in range(4)])
    try:
        ssh_config_with(sandbox, server, IdentitiesOnly="no", IdentityAgent=path, IdentityFile="/none")
        result = push(check=1)
        assert "Too many authentication failures" in result.err
        assert "identity_file" in result.err and "IdentitiesOnly" in result.err
    finally:
        agent.kill()
        agent.wait()


def test_an_answer_that_no_question_took_is_the_password(push, sandbox, start_server):
    server = start_server(lines=["UsePAM no", "KbdInteractiveAuthentication yes", "PasswordAuthentication yes",
                                 "PubkeyAuthentication no"])
    secret = subprocess.run(["openssl", "passwd", "-6", "s3cret word"], check=True, capture_output=True, text=True)
    server.write_accounts("/bin/sh", secret.stdout.strip())
    sandbox.jobs(head='[hosts.cse]\npassword = { env = "SECRET" }\n')
    assert push("-f", sandbox.job_file, env={"SECRET": "s3cret word"}).status == 0 and arrived(sandbox)
    sandbox.target.joinpath("file").unlink()
    sandbox.job_file.unlink()
    terminal = Terminal(sandbox, "push", "--root", sandbox.source, "--remote", "cse:target")
    terminal.read_until(b"assword for student@")
    terminal.type(b"s3cret word\n")
    assert terminal.end() == 0 and arrived(sandbox)
    assert terminal.text.count(b"assword for") == 1


# One channel at a time

LARGE = {"large": 40_000_000, "medium": 9_000_000, **{f"d/{i}": 2000 for i in range(300)}}


@pytest.mark.parametrize("lines", [["MaxSessions 1"], ["MaxSessions 1", "ForceCommand internal-sftp"]], ids=["shell", "sftp"])
def test_one_channel_at_a_time_is_enough(sandbox, start_server, lines):
    server = start_server(lines=lines)
    make_tree(sandbox.source, {name: os.urandom(size) for name, size in LARGE.items()})
    content = read_tree(sandbox.source)
    job = {"root": sandbox.source, "remote": "cse:target"}
    sandbox.jobs(("up", job), head="[engine]\nconnections_per_host = 1\n")
    sandbox.run("push", "up")
    assert read_tree(sandbox.target) == content
    back = sandbox.directory / "back"
    back.mkdir()
    sandbox.jobs(("down", {"root": back, "remote": "cse:target", "direction": "pull", "pull": "update"}),
                 head="[engine]\nconnections_per_host = 1\n")
    sandbox.run("pull", "down")
    assert read_tree(back) == content
    assert "error" not in sandbox.run("doctor", "-f", sandbox.job_file, check={0, 1}).text.replace("0 errors", "")
    if lines == ["MaxSessions 1"]:
        result = sandbox.run("run", "--root", sandbox.source, "--remote", "cse:target", "--pull", "--", "cat", "d/7")
        assert result.out.encode(errors="surrogateescape")
    assert server.connections


def test_eight_jobs_with_one_channel_at_a_time(sandbox, start_server):
    start_server(lines=["MaxSessions 1"])
    jobs = []
    for i in range(8):
        root = sandbox.directory / f"root{i}"
        make_tree(root, {f"{j}": os.urandom(1000) for j in range(50)} | {"large": os.urandom(3_000_000)})
        jobs.append((f"job{i}", {"root": root, "remote": f"cse:target/{i}"}))
    sandbox.jobs(*jobs, head="[engine]\nmax_parallel_jobs = 8\nconnections_per_host = 3\n")
    sandbox.apply()
    for i in range(8):
        assert read_tree(sandbox.target / str(i)) == read_tree(sandbox.directory / f"root{i}")
