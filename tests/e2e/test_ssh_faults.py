"""Connections that break off, at any moment: the run goes on by itself, and every file is whole all the time."""
import os

import pytest

from harness import expected_tree, make_tree, read_tree
from tcp_proxy import CuttingProxy


@pytest.fixture
def proxy(sandbox, server):
    """Between the program and the server, which ssh_config knows as `far`."""
    made = CuttingProxy(server.port)
    server.known_hosts.write_text(
        server.known_hosts_lines() + server.known_hosts_lines().replace(str(server.port), str(made.port)))
    sandbox.add_ssh_host(server, "far", Port=made.port)
    yield made
    made.stop()


def tree(version):
    files = {f"d{i % 7}/f{i}": f"{version} {i}\n" * (i % 50 + 1) for i in range(300)}
    return {**files, "large": f"{version}" * 1_000_000, f"only-{version}/x": "1"}


def is_whole(content, path, versions):
    return any(content == expected_tree(tree(version)).get(path) for version in versions)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_a_push_that_is_cut_once_goes_on(sandbox, server, proxy, direction):
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "far:target"}))
    make_tree(sandbox.source, tree(0))
    sandbox.run("push", "thesis")
    whole_run = dict(proxy.passed)
    for version, share in enumerate((0.02, 0.3, 0.6, 0.9), start=1):
        os.unlink(sandbox.source / f"only-{version - 1}/x")
        os.rmdir(sandbox.source / f"only-{version - 1}")
        make_tree(sandbox.source, tree(version))
        proxy.cut_after(direction, int(whole_run[direction] * share))
        result = sandbox.run("push", "thesis")
        assert read_tree(sandbox.target) == expected_tree(tree(version)), result
        assert "failed" not in result.text
        assert ("goes on with a new connection in" in result.err) == ("was lost on the way" in result.text)
    assert proxy.cuts >= 3
    assert sandbox.plan()["actions"] == []


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.7, 0.9])
def test_a_push_that_is_cut_for_good_leaves_old_or_new_files(sandbox, server, proxy, share):
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "far:target", "timeout": "6s"}))
    make_tree(sandbox.source, tree(0))
    sandbox.run("push", "thesis")
    make_tree(sandbox.source, tree(1))
    proxy.cut_after("up", int(proxy.passed["up"] * share), times=1)
    proxy.listener.close()
    result = sandbox.run("push", "thesis", check=1)
    assert "far" in result.err or "127.0.0.1" in result.err
    for path, content in read_tree(sandbox.target).items():
        if not path.startswith(".syncline-tmp-"):
            assert is_whole(content, path, (0, 1)), path


@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_a_pull_that_is_cut_once_goes_on(sandbox, server, proxy, share):
    sandbox.jobs(("lab", {"root": sandbox.source, "remote": "far:target", "direction": "pull", "pull": "update"}))
    make_tree(sandbox.target, tree(0))
    sandbox.run("pull", "lab")
    make_tree(sandbox.target, tree(1))
    proxy.cut_after("down", int(proxy.passed["down"] * share))
    sandbox.run("pull", "lab")
    assert proxy.cuts == 1
    assert read_tree(sandbox.source) == expected_tree({**tree(0), **tree(1)})


def test_what_is_verified_is_not_sent_again(sandbox, server, proxy):
    files = {f"d{i % 50}/f{i}": os.urandom(300).hex() for i in range(10_000)}
    make_tree(sandbox.source, files)
    sandbox.run("push", "--root", sandbox.source, "--remote", "far:first")
    undisturbed = proxy.passed["up"]
    proxy.cut_after("up", int(undisturbed * 0.75))
    result = sandbox.run("push", "--root", sandbox.source, "--remote", "far:second")
    assert proxy.cuts == 1 and "was lost on the way" in result.text
    assert read_tree(server.home / "second") == expected_tree(files)
    # Of three batches the one in hand is sent again.
    assert proxy.passed["up"] - undisturbed < 1.5 * undisturbed


def test_a_large_file_goes_on_where_it_was_cut_without_a_shell(sandbox, server, proxy):
    (server.directory / "sshd_config").write_text(
        "ForceCommand internal-sftp\n" + (server.directory / "sshd_config").read_text())
    content = os.urandom(30_000_000)
    make_tree(sandbox.source, {"d/large": content, "small": "1"})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "far:target"}))
    proxy.cut_after("up", 20_000_000)
    sandbox.run("push", "thesis")
    assert proxy.cuts == 1
    assert read_tree(sandbox.target) == {"d/large": content, "small": b"1"}
    assert proxy.passed["up"] < 40_000_000, "what was there was sent again"
    assert sandbox.plan()["actions"] == []


def test_a_beginning_that_is_of_another_file_is_not_believed(sandbox, server, proxy):
    (server.directory / "sshd_config").write_text(
        "ForceCommand internal-sftp\n" + (server.directory / "sshd_config").read_text())
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "far:target", "timeout": "8s"}))
    make_tree(sandbox.source, {"large": os.urandom(30_000_000)})
    proxy.cut_after("up", 20_000_000, times=1)
    proxy.listener.close()
    sandbox.run("push", "thesis", check=1)
    left = [name for name in os.listdir(sandbox.target) if name.startswith(".syncline-tmp-")]
    assert len(left) == 1 and (sandbox.target / left[0]).stat().st_size > 10_000_000
    content = os.urandom(29_000_000)
    make_tree(sandbox.source, {"large": content})
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "cse:target"}))
    sandbox.run("push", "thesis")
    assert read_tree(sandbox.target) == {"large": content}


def test_a_connection_that_is_cut_again_and_again_is_a_failure(sandbox, server, proxy):
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "far:target", "timeout": "10s"}))
    make_tree(sandbox.source, {"large": "x" * 3_000_000})
    proxy.cut_after("up", 20_000, times=1_000)
    assert "thesis" in sandbox.run("push", "thesis", check=1).err
    assert not (sandbox.target / "large").exists()
