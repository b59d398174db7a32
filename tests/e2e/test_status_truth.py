"""What the status says of a job: nothing is ready that is not, and what is wrong can be read at a glance."""
import json
import os
import re
import shutil

import pytest

from harness import make_tree, stop, wait_for
from terminal import Terminal
from test_status import HEAD, Endpoint

pytestmark = pytest.mark.quick


def keys(sandbox, **more):
    return {"root": sandbox.source, "remote": sandbox.target, "fsync": False, "interval": "1h", **more}


def document(sandbox):
    return json.loads(sandbox.run("status", "--json", check=None).out)


def test_a_broken_edit_of_the_job_file_shows_until_it_is_mended(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.jobs(("copy", keys(sandbox)), head=HEAD)
    endpoint = Endpoint(sandbox.start("apply"))
    endpoint.wait_for_run()
    good = sandbox.job_file.read_text()
    assert document(sandbox)["job_file_error"] is None
    sandbox.job_file.write_text(good + "exlude = []\n")
    error = wait_for(lambda: endpoint.json()["job_file_error"])
    line = good.count("\n") + 1
    assert error.startswith(f"jobs.toml:{line}:1: unknown key 'exlude'"), error
    result = sandbox.run("status", check=1)
    assert "the job file on disk is not what runs: jobs.toml:" in result.out and "'exlude'" in result.out
    assert document(sandbox)["job_file_error"] == error
    sandbox.run("status", "--json", check=1)
    health = endpoint.get("/healthz")
    assert health.status == 503
    assert json.loads(health.text) == {"status": "job_file_error", "stale": [], "job_file_error": error}
    assert "syncline_job_file_error 1\n" in endpoint.get("/metrics").text
    # The same text as before is an edit, too.
    sandbox.job_file.write_text(good)
    wait_for(lambda: endpoint.json()["job_file_error"] is None)
    assert endpoint.get("/healthz").status == 200
    sandbox.run("status")
    sandbox.job_file.unlink()
    assert "jobs.toml" in wait_for(lambda: endpoint.json()["job_file_error"])
    sandbox.job_file.write_text(good)
    wait_for(lambda: endpoint.json()["job_file_error"] is None)
    stop(endpoint.process)


def test_a_job_whose_runs_are_partial_is_in_trouble(sandbox):
    make_tree(sandbox.source, {"a": "ours", "b": "1"})
    make_tree(sandbox.target, {"a": "theirs"})
    sandbox.jobs(("copy", keys(sandbox, delete="synced")), head=HEAD)
    endpoint = Endpoint(sandbox.start("apply"))
    job = endpoint.wait_for_run("partial")
    assert job["state"] == "partial"
    assert re.search(r"^copy +partial +- .*a: ", sandbox.run("status", check=1).out, re.MULTILINE)
    assert 'syncline_job_state{job="copy",state="partial"} 1\n' in endpoint.get("/metrics").text
    sandbox.run("push", "copy", "--force")
    wait_for(lambda: endpoint.job()["state"] == "idle")
    sandbox.run("status")
    stop(endpoint.process)


def test_a_paused_job_has_no_next_run(sandbox):
    make_tree(sandbox.source, {"a": "1"})
    sandbox.job(interval="1h")
    engine = sandbox.start_engine()
    sandbox.first_run()
    wait_for(lambda: document(sandbox)["jobs"][0]["next_run_at"])
    sandbox.run("pause", "copy")
    job = document(sandbox)["jobs"][0]
    assert (job["state"], job["next_run_at"]) == ("paused", None)
    assert re.search(r"^copy +paused +\d\d:\d\d:\d\d +-$", sandbox.run("status").out, re.MULTILINE)
    sandbox.run("resume", "copy")
    wait_for(lambda: document(sandbox)["jobs"][0]["next_run_at"])
    stop(engine)


def test_names_are_capped_and_the_reason_has_its_column(sandbox):
    name = "a-name-that-somebody-thought-of-for-long-and-that-goes-on-and-on"
    sandbox.jobs((name, keys(sandbox, root=sandbox.directory / "none", mountpoint=str(sandbox.directory))),
                 ("copy", keys(sandbox, remote=sandbox.directory / "other")))
    engine = sandbox.start_engine()
    job = wait_for(lambda: (first := document(sandbox)["jobs"][0])["halt"] and first)
    assert len(job["halt"]["codes"]) > 1
    out = sandbox.run("status", check=1).out
    header = next(line for line in out.splitlines() if line.startswith("JOB "))
    assert header.split() == ["JOB", "STATE", "LAST", "SUCCESS", "NEXT", "RUN", "REASON"]
    assert header.index("REASON") < 80
    row = next(line for line in out.splitlines() if line.startswith("a-name"))
    code = job["halt"]["code"]
    assert row.index(code) == header.index("REASON")
    assert row.count(code + ": ") == 1
    with Terminal(sandbox, "status", "-f", sandbox.job_file, rows=40, columns=80) as terminal:
        terminal.wait_for(lambda screen: "copy" in screen.text)
        shown = terminal.wait_for(lambda screen: re.search("^a-name.*halted.*$", screen.text, re.MULTILINE) and screen.text)
        assert code in shown and not terminal.screen.wrapped
        assert re.search(r"^JOB .* REASON$", shown, re.MULTILINE)
    stop(engine)


def test_the_status_says_how_far_a_watcher_sees(sandbox):
    make_tree(sandbox.source, {"a/file": "1", "b": "2"})
    sandbox.job(watch=True, interval="2s")
    engine = sandbox.start_engine()
    sandbox.first_run()
    assert "source only" in wait_for(lambda: "watching" in (out := sandbox.run("status").out) and out)
    shutil.rmtree(sandbox.target / "a")
    os.unlink(sandbox.target / "b")
    sandbox.arrives()
    stop(engine)
