"""A found job file that is not trusted stops what uses the jobs that reach too far, and nothing else."""
from harness import read_tree


def write_jobs(sandbox):
    """A project with a job that stays inside and one that leaves it; the file belongs to the project."""
    project = sandbox.directory / "project"
    (project / "near").mkdir(parents=True)
    (project / "near/file").write_text("near")
    path = project / "jobs.toml"
    path.write_text(
        'version = 1\n[jobs.near]\nroot = "near"\nremote = "copy"\nfsync = false\n'
        '[jobs.far]\nroot = "near"\nremote = "../far"\nfsync = false\n'
        '[hosts.unused]\npassword = { command = "true" }\n')
    path.chmod(0o600)
    return project


def test_a_job_that_stays_inside_runs(sandbox):
    project = write_jobs(sandbox)
    sandbox.run("plan", "--job", "near", cwd=project)
    sandbox.run("apply", "--once", "--job", "near", cwd=project)
    assert read_tree(project / "copy") == {"file": b"near"}
    sandbox.run("push", "near", cwd=project)


def test_a_job_that_leaves_is_refused_alone_and_with_others(sandbox):
    project = write_jobs(sandbox)
    for args in (["plan"], ["plan", "--job", "far"], ["apply", "--once"], ["push", "far"]):
        refusal = sandbox.run(*args, cwd=project, check=2).err
        assert "[jobs.far] has its remote outside" in refusal and "[hosts.unused]" not in refusal
    assert not (sandbox.directory / "far").exists()


def test_a_run_without_a_job_is_not_the_files_business(sandbox):
    project = write_jobs(sandbox)
    sandbox.run("push", "--root", "near", "--remote", sandbox.target, cwd=project)
    assert read_tree(sandbox.target) == {"file": b"near"}


def test_commands_of_the_defaults_need_trust_everywhere(sandbox):
    project = write_jobs(sandbox)
    with open(project / "jobs.toml", "a", encoding="utf-8") as file:
        file.write('[defaults]\non_success = "touch evil"\n')
    for args in (["plan", "--job", "near"], ["push", "--root", "near", "--remote", sandbox.target]):
        assert "runs a command" in sandbox.run(*args, cwd=project, check=2).err
