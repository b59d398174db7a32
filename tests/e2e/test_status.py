"""The status endpoint of a running engine: what it answers, whom it refuses, and what its page shows."""
import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import urllib.parse

import pytest

from browser import Browser, find_browser
from harness import make_tree, read_tree, wait_for

HEAD = '\n[status]\nlisten = "127.0.0.1:0"\n'
TOOLS = pathlib.Path(__file__).resolve().parents[2] / ".cache/tools"  # see tools/packages.sh
SLOW = HEAD + '[engine]\nbandwidth_limit = "512 KiB/s"\n'


class Endpoint:
    def __init__(self, process):
        self.process = process
        self.url = wait_for(lambda: re.search(r"the status is on (http://\S+/)\n", process.log()))[1]
        self.host, self.port = urllib.parse.urlsplit(self.url).hostname, urllib.parse.urlsplit(self.url).port

    def get(self, path, method="GET", body=None, **headers):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=30)
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        answer.text = answer.read().decode()
        connection.close()
        return answer

    def json(self, path="/status.json"):
        answer = self.get(path)
        assert answer.status == 200, answer.text
        return json.loads(answer.text)

    def job(self, index=0):
        return self.json()["jobs"][index]

    def wait_for_run(self, outcome="success"):
        return wait_for(lambda: (run := self.job()["last_attempt"]) and run["outcome"] == outcome and self.job())

    def connect(self, data=b""):
        client = socket.create_connection((self.host, self.port), timeout=30)
        client.sendall(data)
        return client

    def exchange(self, data):
        """The whole answer to raw bytes."""
        answer = b""
        with self.connect(data) as client:
            while part := client.recv(1 << 16):
                answer += part
        return answer


@pytest.fixture
def serve(sandbox):
    def start(head=HEAD, **keys):
        sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "interval": "1h", **keys}),
                     head=head)
        return Endpoint(sandbox.start("apply"))
    return start


@pytest.mark.quick
def test_what_it_answers(sandbox, serve):
    make_tree(sandbox.source, {"a": "12345", "b": "1"})
    endpoint = serve(max_staleness="1h")
    job = endpoint.wait_for_run()
    document = endpoint.json()
    assert list(document) == ["version", "pid", "started_at", "job_file", "job_file_sha256", "job_file_error",
                              "jobs"]
    assert document["version"] == 1 and document["pid"] == endpoint.process.pid
    assert document["job_file"] == str(sandbox.job_file)
    assert list(job) == ["name", "state", "direction", "root", "remote", "generation", "next_run_at", "last_attempt",
                         "last_success", "watch", "progress", "problems", "halt"]
    assert (job["name"], job["state"], job["direction"], job["generation"]) == ("copy", "idle", "push", 1)
    assert (job["root"], job["remote"]) == (str(sandbox.source), str(sandbox.target))
    assert list(job["last_success"]) == ["started_at", "finished_at", "duration_ms", "scanned", "put", "deleted", "bytes_sent",
                                         "outcome"]
    assert job["last_success"]["put"] == 2 and job["last_success"]["bytes_sent"] == 6
    assert job["progress"] == {"files_done": 2, "files_total": 2, "bytes_done": 6, "bytes_total": 6}
    wait_for(lambda: endpoint.job()["next_run_at"])
    full = endpoint.json("/jobs/copy.json")
    assert full["stale"] is False and [run["outcome"] for run in full["history"]] == ["success"]
    assert json.loads(endpoint.get("/healthz").text) == {"status": "ok", "stale": []}
    metrics = endpoint.get("/metrics").text
    assert 'syncline_job_files_total{job="copy"} 2\n' in metrics
    assert 'syncline_job_state{job="copy",state="idle"} 1\n' in metrics
    head = endpoint.get("/status.json", "HEAD")
    assert head.status == 200 and head.text == "" and int(head.headers["Content-Length"]) > 100
    for path in ("/jobs/none.json", "/jobs/.json", "/none", "/jobs/../../../../etc/passwd.json", "/../../etc/passwd",
                 "/%2e%2e/%2e%2e/etc/passwd", "/page/page.js"):
        assert endpoint.get(path).status == 404, path


@pytest.mark.quick
def test_the_past_is_known_from_the_start(sandbox, serve):
    make_tree(sandbox.source, {"a": "1"})
    endpoint = serve()
    first = endpoint.wait_for_run()
    endpoint.process.terminate()
    assert endpoint.process.wait(10) == 0, endpoint.process.log()
    endpoint = serve(on_start=False)
    job = wait_for(lambda: endpoint.job()["last_success"] and endpoint.job())
    assert job["last_success"] == first["last_success"] == job["last_attempt"]
    assert job["generation"] == 0
    assert len(endpoint.json("/jobs/copy.json")["history"]) == 1


@pytest.mark.quick
def test_health_fails_when_the_last_success_is_too_old(sandbox, serve):
    endpoint = serve(root=sandbox.directory / "none", max_staleness="1s")
    job = endpoint.wait_for_run("halted")
    assert job["state"] == "halted"
    assert job["halt"]["code"] == "root-missing" and "--adopt" in job["halt"]["resolve"]
    wait_for(lambda: endpoint.get("/healthz").status == 503)
    assert json.loads(endpoint.get("/healthz").text) == {"status": "stale", "stale": ["copy"]}
    assert 'syncline_job_stale{job="copy"} 1\n' in endpoint.get("/metrics").text
    assert 'syncline_job_halted{job="copy"} 1\n' in endpoint.get("/metrics").text


@pytest.mark.quick
def test_foreign_sites_and_methods_are_refused(sandbox, serve):
    endpoint = serve()
    own = f"{endpoint.host}:{endpoint.port}"
    for path in ("/", "/status.json", "/events", "/metrics", "/healthz", "/jobs/copy.json", "/none"):
        assert endpoint.get(path, Host="evil.example").status == 403, path
        assert endpoint.get(path, Origin="http://evil.example").status == 403, path
    for host in ("127.0.0.1.evil.example", "localhost.evil.example", "evil.example:80", "", "127.0.0.1:x", "[::2]"):
        assert endpoint.get("/status.json", Host=host).status == 403, host
    for origin in ("null", f"https://{own}", f"http://{own}.evil.example", "http://localhost:1"):
        assert endpoint.get("/status.json", Origin=origin).status == 403, origin
    assert endpoint.get("/status.json", Origin=f"http://{own}").status == 200
    assert endpoint.get("/status.json", Host="localhost:8080").status == 200  # through a tunnel
    two = f"GET /status.json HTTP/1.1\r\nHost: {own}\r\nHost: evil.example\r\n\r\n".encode()
    assert endpoint.exchange(two).startswith(b"HTTP/1.1 403 ")
    assert endpoint.exchange(b"GET /status.json HTTP/1.0\r\n\r\n").split()[1] == b"403"
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = endpoint.get("/status.json", method, body="x" * 1000 if method != "OPTIONS" else None)
        assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD", method
    page = endpoint.get("/")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy
    assert not re.search(r"(src|href)=\"?(https?:)?//", page.text)
    assert endpoint.get("/healthz", Range="bytes=0-1", Accept_Encoding="gzip, br").text == '{"status":"ok","stale":[]}\n'


def test_slow_huge_and_many_requests_disturb_nobody(sandbox, serve):
    make_tree(sandbox.source, {"a": "1"})
    endpoint = serve(interval="1s")
    endpoint.wait_for_run()
    slow = [endpoint.connect(b"GET /status.json HTTP/1.1\r\nHost: x") for _ in range(150)]
    assert endpoint.job()["name"] == "copy"
    assert endpoint.exchange(b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n").split()[1:2] != [b"200"]
    endless = endpoint.connect(b"GET / HTTP/1.1\r\n")
    with pytest.raises(OSError):
        for i in range(100_000):
            endless.sendall(f"x-{i}: {'y' * 100}\r\n".encode())
    followers = [endpoint.connect(f"GET /events HTTP/1.1\r\nHost: {endpoint.host}\r\n\r\n".encode()) for _ in range(16)]
    for follower in followers:
        assert follower.recv(12) == b"HTTP/1.1 200"
    assert endpoint.get("/events").status == 503
    for follower in followers:
        follower.close()
    for _ in range(200):
        assert endpoint.get("/status.json").status == 200
    make_tree(sandbox.source, {"b": "2"})
    wait_for(lambda: (sandbox.target / "b").exists())
    # Those who never finish their request are let go.
    for client in slow:
        assert client.recv(1000)[:12] in (b"", b"HTTP/1.1 400", b"HTTP/1.1 503")
    threads = wait_for(lambda: (n := len(os.listdir(f"/proc/{endpoint.process.pid}/task"))) < 40 and n)
    assert threads
    endpoint.process.terminate()
    assert endpoint.process.wait(10) == 0, endpoint.process.log()


def test_events_show_a_run_going_on(sandbox, serve):
    make_tree(sandbox.source, {f"f{i}": os.urandom(100_000) for i in range(15)})
    endpoint = serve(SLOW)
    connection = http.client.HTTPConnection(endpoint.host, endpoint.port, timeout=30)
    connection.request("GET", "/events")
    answer = connection.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream"
    seen, states = set(), set()
    while True:
        line = answer.readline().decode()
        assert line, "the stream ended"
        if not line.startswith("data: "):
            continue
        job = json.loads(line[6:])["jobs"][0]
        states.add(job["state"])
        seen.add(job["progress"]["bytes_done"])
        if job["last_attempt"]:
            break
    assert "transferring" in states and len(seen) >= 4, (states, seen)
    # The stream does not keep the engine from ending.
    endpoint.process.terminate()
    assert endpoint.process.wait(10) == 0, endpoint.process.log()


@pytest.mark.quick
def test_a_unix_socket_is_for_its_owner_only(sandbox, serve):
    path = sandbox.directory / "status.sock"
    sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target, "interval": "1h"}),
                 head=f'\n[status]\nlisten = "unix:{path}"\n')
    for _ in range(2):  # The second finds the socket of the first, which was killed.
        process = sandbox.start("apply")
        wait_for(lambda: "the status is on unix:" in process.log())  # pylint: disable=cell-var-from-loop
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
        process.kill()
        process.wait()
    process = sandbox.start("apply")
    wait_for(lambda: "the status is on unix:" in process.log())
    process.terminate()
    assert process.wait(10) == 0
    assert not path.exists()


@pytest.mark.quick
def test_a_taken_port_is_named(sandbox, serve):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        sandbox.jobs(("copy", {"root": sandbox.source, "remote": sandbox.target}),
                     head=f'\n[status]\nlisten = "127.0.0.1:{port}"\n')
        result = sandbox.run("apply", check=1)
        assert f"127.0.0.1:{port}" in result.err and "another program has it" in result.err
        sandbox.run("apply", "--once")
    endpoint = serve()
    assert "already serves" in sandbox.run("apply", check=5).err
    assert endpoint.get("/").status == 200


@pytest.mark.quick
def test_only_jobs_that_the_engine_has_are_shown(sandbox):
    keys = {"root": sandbox.source, "fsync": False, "interval": "1h"}
    two = [("one", {**keys, "remote": sandbox.target}), ("two", {**keys, "remote": sandbox.directory / "two"})]
    sandbox.jobs(*two, head=HEAD)
    endpoint = Endpoint(sandbox.start("apply", "--job", "two"))
    assert [job["name"] for job in endpoint.json()["jobs"]] == ["two"]
    sandbox.jobs(two[0], ("two", {**two[1][1], "interval": "2h"}), head=HEAD)
    wait_for(lambda: "took up" in endpoint.process.log())
    assert [job["name"] for job in endpoint.json()["jobs"]] == ["two"]


PROMTOOL = shutil.which("promtool") or shutil.which("promtool", path=TOOLS)


@pytest.mark.skipif(not PROMTOOL, reason="needs promtool")
def test_prometheus_takes_the_metrics(sandbox, serve):
    make_tree(sandbox.source, {"a": "1"})
    endpoint = serve(max_staleness="1h")
    endpoint.wait_for_run()
    done = subprocess.run([PROMTOOL, "check", "metrics"], input=endpoint.get("/metrics").text, text=True, check=False,
                          capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not find_browser(), reason="needs chromium")
def test_the_page_shows_a_run_going_on_and_what_is_wrong(sandbox, serve):
    """With SYNCLINE_SCREENSHOTS=DIRECTORY, pictures of it are left there."""
    shots = os.environ.get("SYNCLINE_SCREENSHOTS")
    evil = "<img src=x onerror=alert(1)>\n\x1b[31m\u202e.txt"
    make_tree(sandbox.source, {f"f{i}": os.urandom(300_000) for i in range(15)})
    make_tree(sandbox.directory / "broken", {"ok": "1"})
    os.mkfifo(sandbox.directory / "broken" / "pipe")
    make_tree(sandbox.directory / "conflict-target", {evil: "theirs", "kept.txt": "theirs"})
    make_tree(sandbox.directory / "conflict", {evil: "ours", "kept.txt": "ours"})
    common = {"fsync": False, "interval": "1h"}
    sandbox.jobs(("thesis", {"root": sandbox.source, "remote": sandbox.target, **common}),
                 ("photos", {"root": sandbox.directory / "none", "remote": sandbox.directory / "p", **common}),
                 ("notes", {"root": sandbox.directory / "conflict", "remote": sandbox.directory / "conflict-target",
                            "delete": "synced", **common}),
                 ("often", {"root": sandbox.directory / "broken", "remote": sandbox.directory / "often", **common,
                            "interval": "1s"}), head=SLOW)
    with Browser(sandbox.directory) as browser:
        endpoint = Endpoint(sandbox.start("apply"))  # once the browser is up: the run ends by itself
        browser.open(endpoint.url)
        fill = "document.querySelector('.job[data-state=transferring] .fill')?.style.width"
        first = browser.wait_for(f"parseInt({fill}) > 0 && {fill}")
        assert browser.wait_for(f"parseInt({fill}) > {int(first[:-1])} && {fill}") != first
        advice = "document.querySelector('.job[data-state=halted] .resolve .command code')?.textContent"
        assert browser.wait_for(advice) == f"syncline push photos -f {sandbox.job_file} --adopt"
        # Whole, on one line, and at hand.
        assert browser.value("getComputedStyle(document.querySelector('.command code')).whiteSpace") == "pre"
        browser.value("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
        browser.value("document.querySelector('.job[data-state=halted] .resolve .copy').click()")
        assert browser.wait_for("window.copied") == f"syncline push photos -f {sandbox.job_file} --adopt"
        # What is wrong comes first, and is counted.
        states = "[...document.querySelectorAll('.job')].map(job => job.dataset.state)"
        browser.wait_for(f"{states}[1] === 'partial'")
        assert browser.value(states)[:2] == ["halted", "partial"]
        browser.wait_for("document.title === '(2) syncline'")
        assert browser.value("document.querySelectorAll('.counts li.bad').length") == 2
        browser.wait_for("document.querySelectorAll('.problems li').length === 2")
        shown = browser.value("[...document.querySelectorAll('.problems code')].map(c => c.textContent).join('|')")
        assert "<img src=x onerror=alert(1)>\\u000a\\u001b[31m\\u202e.txt" in shown
        assert browser.value("document.querySelectorAll('article img').length") == 0
        browser.wait_for("document.querySelectorAll('.chart rect.success').length >= 3")
        for name, width, dark in (("light", 1200, False), ("dark", 1200, True), ("phone", 390, False)) if shots else ():
            browser.open(endpoint.url, width, 1000, dark)
            browser.wait_for("document.querySelectorAll('.chart rect.success').length >= 3")
            browser.screenshot(sandbox.directory / f"{name}.png")
            shutil.copy(sandbox.directory / f"{name}.png", shots)
        browser.open(endpoint.url, 390, 800)
        browser.wait_for("document.querySelectorAll('.job').length === 4")
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        thesis = "[...document.querySelectorAll('.job')].find(job => job.querySelector('.name').textContent === 'thesis')"
        browser.wait_for(f"({thesis}?.querySelector('.success')?.textContent ?? 'never') !== 'never'")
        assert not browser.complaints
        # The engine ends: what is shown is old, and says so.
        endpoint.process.terminate()
        assert endpoint.process.wait(30) == 0
        browser.wait_for("document.body.classList.contains('lost')")
        browser.wait_for("getComputedStyle(document.querySelector('.jobs')).filter === 'grayscale(1)'")
        assert browser.value("[...document.querySelectorAll('.badge.old')].every(badge => badge.offsetWidth > 0)")
        assert "old" in browser.value("document.querySelector('#connection-text').textContent")
        assert browser.value("document.title") == "(old) syncline"
        assert browser.value("document.querySelector('.job .next').textContent") == "not known"
        if shots:
            browser.screenshot(sandbox.directory / "ended.png")
            shutil.copy(sandbox.directory / "ended.png", shots)
    assert len(read_tree(sandbox.target)) == 15


@pytest.mark.skipif(not find_browser(), reason="needs chromium")
def test_one_job_has_the_whole_width_and_true_times(sandbox, serve):
    make_tree(sandbox.source, {"a": "1"})
    endpoint = serve(interval="1s")
    good = sandbox.job_file.read_text()
    with Browser(sandbox.directory) as browser:
        browser.open(endpoint.url, 1200, 700)
        browser.wait_for("document.querySelectorAll('.chart rect.success').length >= 2")
        assert browser.value("document.querySelector('.job').offsetWidth / document.querySelector('main').offsetWidth") > 0.99
        told = browser.value("document.querySelector('.history figcaption').textContent").replace("\u00a0", " ")
        # No number may stand there that no run took.
        runs = [run["duration_ms"] for run in endpoint.json("/jobs/copy.json")["history"]]
        if max(runs) < 950:
            assert int(re.search(r"longest (\d+) ms$", told)[1]) in runs, (told, runs)
        sandbox.job_file.write_text(good + "exlude = []\n")
        browser.wait_for("document.querySelector('#file-error:not([hidden])')?.textContent.includes(\"'exlude'\")")
        browser.wait_for("document.title === '(1) syncline'")
        sandbox.job_file.write_text(good)
        browser.wait_for("document.querySelector('#file-error').hidden")
