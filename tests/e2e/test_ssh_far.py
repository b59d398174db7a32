"""Servers that are far away: many files go in several streams, and all of them or none count."""
import os
import pathlib
import subprocess
import sys

import pytest

from harness import expected_tree, make_tree, read_tree
from ssh_server import HOST

DELAY_PROXY = pathlib.Path(__file__).parents[2] / "bench/delay_proxy.py"
# From 32 MiB on.
MANY = {f"d{i % 40}/f{i}": f"{i:06d} " * 2500 for i in range(2200)}


@pytest.fixture
def move_away(sandbox):
    """move_away(server): from now on it is 30 ms away, as `far`."""
    proxies = []

    def move(server):
        proxy = subprocess.Popen([sys.executable, DELAY_PROXY, str(server.port), "15"], stdout=subprocess.PIPE, text=True)
        proxies.append(proxy)
        port = int(proxy.stdout.readline())
        server.known_hosts.write_text(server.known_hosts_lines().replace(f"[{HOST}]:{server.port}", f"[{HOST}]:{port}"))
        sandbox.add_ssh_host(server, "far", Port=port)

    yield move
    for proxy in proxies:
        proxy.kill()
        proxy.wait()


@pytest.mark.parametrize("sessions", [10, 2], ids=["many channels", "two channels"])
def test_many_files_arrive_whatever_the_server_grants(sandbox, start_server, move_away, sessions):
    move_away(start_server(lines=[f"MaxSessions {sessions}"]))
    make_tree(sandbox.source, MANY)
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": "far:target"}))
    sandbox.run("push", "thesis")
    assert read_tree(sandbox.target) == expected_tree(MANY)
    assert sandbox.plan()["actions"] == []


def test_a_disk_that_fills_up_under_several_streams(sandbox, start_server, move_away):
    full = sandbox.directory / "full"
    server = start_server(mounts=[f"mkdir {full}", f"mount -t tmpfs -o size=20m,mode=0777 tmpfs {full}"])
    move_away(server)
    target = f"/proc/{server.world.pid}/root{full}/target"
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": f"far:{full}/target"}))
    make_tree(sandbox.source, MANY)
    result = sandbox.run("push", "thesis", check=1)
    assert "No space left on device" in result.err
    arrived = read_tree(target)
    whole = expected_tree(MANY)
    assert all(content == whole[path] for path, content in arrived.items() if not path.endswith("/")), "nothing half done"
    subprocess.run(["nsenter", "-m", "-t", str(server.world.pid), "mount", "-o", "remount,size=200m", full], check=True)
    sandbox.run("push", "thesis")
    assert read_tree(target) == expected_tree(MANY)
