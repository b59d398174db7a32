"""doctor and hosts: each thing that can stand in the way, and what it says to do."""
import os
import re

import pytest

from harness import make_tree, snapshot


@pytest.fixture
def doctor(sandbox, start_server):
    """doctor(remote, ...): runs it over one job and gives its words."""

    def run(remote="cse:target", head="", check=0, **keys):
        make_tree(sandbox.source, {"file": "1"})
        sandbox.jobs(("thesis", {"root": sandbox.source, "remote": remote, **keys}), head=head)
        return sandbox.run("doctor", sandbox.job_file, check=check).text

    return run


def test_all_is_well_and_nothing_is_left_behind(doctor, start_server):
    server = start_server()
    before = snapshot(server.home)
    text = doctor()
    assert f"student@127.0.0.1:{server.port}" in text and "sha256sum" in text
    assert float(re.search(r"a round trip takes ([0-9.]+) ms", text).group(1)) < 10_000
    assert "will be created, can be written" in text and "are free" in text
    assert snapshot(server.home) == before


def test_without_a_shell(doctor, start_server):
    start_server(lines=["ForceCommand internal-sftp"])
    text = doctor()
    assert "no shell" in text and "SFTP alone" in text


def test_neither_shell_nor_sftp(doctor, start_server):
    start_server(shell="/usr/sbin/nologin", lines=["Subsystem sftp /nonexistent"])
    assert "no SFTP" in doctor(check=1)


def test_an_unknown_host_key(doctor, start_server):
    start_server().known_hosts.write_text("")
    text = doctor(check=1)
    assert "host key is not known" in text and "UserKnownHostsFile" in text


def test_a_refused_sign_in(doctor, start_server):
    server = start_server()
    (server.home / ".ssh/authorized_keys").write_text("")
    assert "signing in was refused" in doctor(check=1)


def test_nobody_there(doctor, start_server):
    start_server().refuse_connections()
    text = doctor(check=1)
    assert "Connection refused" in text and "is the server up" in text


def test_a_host_that_no_job_uses_is_tried_too(doctor, start_server):
    start_server()
    text = doctor(head='[hosts.other]\nhostname = "no-such-host.invalid"\n', check=1)
    assert "host other" in text and "no-such-host.invalid" in text


def test_a_directory_that_may_not_be_written(doctor, start_server):
    server = start_server()
    locked = server.home / "locked"
    locked.mkdir(mode=0o555)
    assert "cannot be created" in doctor("cse:locked/x", check=1)


def test_a_pull_from_nowhere(doctor, start_server):
    start_server()
    assert "remote-missing" in doctor(direction="pull", check=1)


def test_a_mirror_onto_home(doctor, start_server):
    start_server()
    assert "unsafe-target" in doctor("cse:~", delete="mirror", check=1)


def test_another_directory_than_before(doctor, sandbox, start_server):
    server = start_server()
    doctor()
    sandbox.apply()
    os.rename(sandbox.target, server.home / "moved")
    make_tree(sandbox.target, {"x": "1"})
    assert "remote-changed" in doctor(check=1)


def test_an_untrusted_file_opens_no_connection(sandbox, start_server):
    server = start_server()
    make_tree(sandbox.source, {"file": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:"}),
                 head='[hosts.cse]\npassword = { command = "touch evil" }\n')
    assert "not trusted" in sandbox.run("doctor", check=1).text
    assert server.connections == 0 and not (sandbox.directory / "evil").exists()
