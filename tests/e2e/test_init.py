"""What `init` writes works as it stands, and what `trust` refuses."""
import os

from harness import NOBODY, read_tree


def directory_with_a_file(sandbox):
    project = sandbox.directory / "work/project"
    project.mkdir(parents=True)
    (project / "notes.txt").write_text("notes")
    return project


def test_init_then_check_plan_and_apply(sandbox):
    project = directory_with_a_file(sandbox)
    assert "jobs.toml" in sandbox.run("init", cwd=project).text
    sandbox.run("check", cwd=project)
    assert "notes.txt" in sandbox.run("plan", cwd=project).out
    sandbox.run("apply", "--once", cwd=project)
    copy = read_tree(sandbox.directory / "work/copy")
    assert copy == {"notes.txt": b"notes", "jobs.toml": (project / "jobs.toml").read_bytes()}
    assert "up to date" in sandbox.run("plan", cwd=project).text or sandbox.plan(cwd=project)["actions"] == []


def test_init_in_an_empty_directory(sandbox):
    project = sandbox.directory / "work/project"
    project.mkdir(parents=True)
    sandbox.run("init", cwd=project)
    sandbox.run("plan", cwd=project)
    sandbox.run("apply", "--once", cwd=project)
    assert set(read_tree(sandbox.directory / "work/copy")) == {"jobs.toml"}


def test_an_edit_that_reaches_further_ends_the_trust_of_init(sandbox):
    project = directory_with_a_file(sandbox)
    hint = sandbox.run("init", cwd=project).text
    text = (project / "jobs.toml").read_text()
    (project / "jobs.toml").write_text(text.replace('delete = "mirror"', 'delete = "never"') + "# mine\n")
    sandbox.run("plan", cwd=project)
    (project / "jobs.toml").write_text(text.replace('"../copy"', '"../other"'))
    assert "not trusted" in sandbox.run("plan", cwd=project, check=2).err
    assert "'syncline plan jobs.toml'" in hint
    sandbox.run("plan", "jobs.toml", cwd=project)
    sandbox.run("trust", "jobs.toml", cwd=project)
    sandbox.run("plan", cwd=project)


def test_init_leaves_what_is_there(sandbox):
    project = directory_with_a_file(sandbox)
    (project / "jobs.toml").write_text("version = 1\n")
    assert "there already" in sandbox.run("init", cwd=project, check=2).err
    assert (project / "jobs.toml").read_text() == "version = 1\n"


def test_a_file_of_others_is_not_trusted(sandbox):
    path = sandbox.job()
    os.chown(path, NOBODY, NOBODY)
    assert "belongs to another user" in sandbox.run("trust", path, check=2).err
    os.chown(path, os.geteuid(), os.getegid())
    path.chmod(0o666)
    assert "can be written by others" in sandbox.run("trust", path, check=2).err
    path.chmod(0o600)
    sandbox.run("trust", path)
