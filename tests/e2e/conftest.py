"""Fixtures for the end-to-end tests: each test gets the real program and a sandbox of its own."""
import os
import pathlib
import shutil
import signal
import tempfile

import pytest

from bucket_server import BucketServer
from bucket_store import Store
from harness import Sandbox
from projects import Projects
from ssh_server import SshServer

ROOT = pathlib.Path(__file__).resolve().parents[2]


def pytest_configure(config):
    config.addinivalue_line("markers", "quick: fast enough for the sanitizer builds too")
    # Whoever starts the tests in the background may have them ignore these, and programs would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def binary():
    """The program, in a place that unprivileged users can reach too: the checkout may be under /root."""
    built = pathlib.Path(os.environ.get("SYNCLINE_BINARY", ROOT / "build/src/cli/syncline")).resolve()
    if not built.exists():
        pytest.exit(f"{built} is missing: ./dev build", returncode=2)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="syncline-binary-"))
    directory.chmod(0o755)
    shutil.copy(built, directory / "syncline")
    yield directory / "syncline"
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def gateway():
    """An S3-compatible store for all tests of a session."""
    directory = pathlib.Path(tempfile.mkdtemp(prefix="syncline-buckets-"))
    made = BucketServer(directory / "store")
    yield made
    made.stop()
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def sandbox(binary):
    directory = pathlib.Path(tempfile.mkdtemp(prefix="syncline-e2e-"))
    directory.chmod(0o755)
    with Sandbox(binary, directory) as made:
        yield made


@pytest.fixture
def store(gateway, sandbox, request):
    """A bucket of the test's own, used by its sandbox."""
    name = "b-" + "".join(c if c.isalnum() else "-" for c in request.node.name.lower())[:40].strip("-")
    made = Store(gateway, sandbox, name + "-" + os.urandom(4).hex())
    made.create()
    return made


@pytest.fixture
def start_server(sandbox, needs_root):
    """start_server(...): an SSH server that ends with the test. ssh_config knows it as `cse`."""
    servers = []

    def start(kind=SshServer, name="cse", **options):
        server = kind(sandbox.directory / f"server-{len(servers)}", **options)
        servers.append(server)
        sandbox.add_ssh_host(server, name)
        return server

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def server(start_server):
    """A stock OpenSSH server; the sandbox's target is the directory `target` in the account's home."""
    return start_server()


@pytest.fixture
def projects(sandbox, server):
    """The project directories on that server, one of them pushed."""
    return Projects(sandbox, server)


@pytest.fixture
def needs_root():
    if os.geteuid() != 0:
        pytest.skip("needs root")
