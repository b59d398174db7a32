"""The shape of the source, as a test: who may include whom, what stands nowhere, how large a file may be."""
import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What each folder of src/ may include beside its own headers; what those may include, it may too.
EDGES = {
    "base": [],
    "core": ["base"],
    "config": ["base", "core"],
    "async": ["base"],
    "fs": ["core", "async"],
    "ssh": ["async"],
    "s3": ["async"],
    "endpoint": ["core", "fs", "ssh", "s3"],
    "state": ["core"],
    "engine": ["core", "config", "async", "state", "endpoint/endpoint.hpp", "endpoint/factory.hpp", "fs/hash.hpp"],
    "status": ["base", "async"],
    "cli": ["base", "core", "config", "async", "fs", "ssh", "s3", "endpoint", "state", "engine", "status"],
}
# Libraries that compile slowly or would creep in everywhere, and the folders that may include them.
CONFINED = {
    "asio": {"async", "endpoint", "engine", "cli", "ssh", "s3", "status"},
    "toml++": {"config"},
    "sqlite3.h": {"state"},
    "CLI": {"cli"},
    "nlohmann": {"cli", "state", "status", "s3", "endpoint"},
    "liburing.h": {"fs"},
    "curl": {"s3"},
    "pugixml": {"s3"},
    "spdlog": {"cli"},
}
MAX_LINES = 400


def committed(*patterns):
    """Files of the checkout that git knows or would take up, as paths relative to its root."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z", "--", *patterns], cwd=ROOT, check=True,
                            capture_output=True).stdout.decode()
    return [path for path in sorted(set(listed.split("\0"))) if path and (ROOT / path).is_file()]


def sources(*folders):
    return committed(*(f"{folder}/*.{suffix}" for folder in folders for suffix in ("cpp", "hpp", "c", "h")))


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def allowed_folders(folder):
    """`folder`, and what its edges lead to."""
    allowed, waiting = set(), [folder]
    while waiting:
        edge = waiting.pop()
        if edge not in allowed:
            allowed.add(edge)
            waiting += EDGES.get(edge, [])
    return allowed


def includes(path):
    """(line number, what stands between the quotes or brackets)."""
    for number, line in enumerate(text(path).splitlines(), 1):
        if found := re.match(r'\s*#\s*include\s*[<"]([^>"]+)[>"]', line):
            yield number, found[1]


def test_every_folder_of_src_has_its_edges():
    assert {path.split("/")[1] for path in sources("src") if path.count("/") > 1} <= set(EDGES)


def test_includes_follow_the_edges():
    wrong = []
    for path in sources("src"):
        folder = path.split("/")[1]
        allowed = allowed_folders(folder)
        for number, included in includes(path):
            other = included.split("/")[0]
            if other in EDGES and other not in allowed and included not in allowed:
                wrong.append(f"{path}:{number}: {folder}/ must not include {included}")
    assert not wrong, "\n".join(wrong)


def test_slow_libraries_stay_where_they_belong():
    wrong = [
        f"{path}:{number}: {included} is for {', '.join(sorted(CONFINED[library]))} only"
        for path in sources("src")
        for number, included in includes(path)
        if (library := included.removesuffix(".hpp").split("/")[0]) in CONFINED
        and path.split("/")[1] not in CONFINED[library]
    ]
    assert not wrong, "\n".join(wrong)


def test_includes_are_written_from_src():
    """No "../" and no bare neighbour: a path tells its folder, so that the edges can be checked."""
    wrong = [f"{path}:{number}: {included}" for path in sources("src") for number, included in includes(path)
             if ".." in included or (included.endswith(".hpp") and "/" not in included and included not in ("asio.hpp", "pugixml.hpp"))]
    assert not wrong, "\n".join(wrong)


def test_nothing_is_detached():
    """A detached coroutine or thread outlives its owner, and its exceptions vanish."""
    wrong = [f"{path}:{number}" for path in sources("src") for number, line in enumerate(text(path).splitlines(), 1)
             if re.search(r"\bdetached\b|\.detach\(\)", line.split("//")[0])]
    assert not wrong, "\n".join(wrong)


def test_every_source_file_is_built():
    """A .cpp that no meson.build names is compiled and tested by nobody."""
    unregistered = []
    for path in sources("src", "tests", "bench"):
        if path.endswith((".cpp", ".c")):
            parents = [ROOT / parent / "meson.build" for parent in pathlib.PurePath(path).parents]
            named = "".join(file.read_text() for file in parents if file.exists())
            if f"'{path.rsplit('/', 1)[1]}'" not in named and f"/{path.rsplit('/', 1)[1]}'" not in named:
                # A folder of programs may list their names without the suffix.
                if f"'{pathlib.PurePath(path).stem}'" not in named:
                    unregistered.append(path)
    assert not unregistered


def test_files_are_of_a_size_that_can_be_read():
    long = {path: count for path in sources("src", "tests", "bench") if (count := len(text(path).splitlines())) > MAX_LINES}
    assert not long


def test_headers_open_with_their_purpose():
    assert [path for path in sources("src") if path.endswith(".hpp") and not text(path).startswith("// ")] == []


def test_no_third_party_code_is_committed():
    """Dependencies come from the system or from a wrap; only wraps, our own build files for them and short changes of ours
    to them are kept here."""
    foreign = [path for path in committed("subprojects")
               if not path.endswith(".wrap") and not re.fullmatch(r"subprojects/packagefiles/([\w-]+/meson\.build|[\w-]+\.diff)", path)]
    assert not foreign
    long_changes = [path for path in committed("subprojects") if path.endswith(".diff") and text(path).count("\n+") > 30]
    assert not long_changes
    notices = [path for path in sources("src", "tests", "bench") if re.search(r"\bCopyright\b|SPDX-License", text(path))]
    assert not notices


def test_no_path_of_one_machine_stands_anywhere():
    found = []
    # Put together here, so that this file does not find itself. Examples may use the home of `me`, `u` or `user`.
    machine_path = re.compile(r"(?<![\w.~/])/" + r"(work|root|home/(?!me/|u/|user/)[a-z]+)/\w")
    for path in committed():
        data = (ROOT / path).read_bytes()
        if b"\0" not in data:
            found += [f"{path}:{number}: {line.strip()}" for number, line in enumerate(data.decode("utf-8").splitlines(), 1)
                      if machine_path.search(line)]
    assert not found, "\n".join(found)


def test_wraps_are_pinned_and_used():
    """Each wrap has a digest, and the root meson.build falls back to it."""
    root = text("meson.build") + text("tests/meson.build")
    for path in committed("subprojects/*.wrap"):
        wrap = text(path)
        assert re.search(r"^source_hash = [0-9a-f]{64}$", wrap, re.MULTILINE), path
        name = pathlib.PurePath(path).stem
        assert f"['{name}', " in root or f"cmake.subproject('{name}', " in root, f"no dependency falls back to {path}"
        if "patch_directory" in wrap:
            assert (ROOT / "subprojects/packagefiles" / pathlib.PurePath(path).stem / "meson.build").exists(), path


@pytest.mark.parametrize("page", ["man/syncline.1", "man/syncline-jobs.5"])
def test_manual_pages_are_clean(page):
    lint = subprocess.run(["mandoc", "-Tlint", "-W", "warning", page], cwd=ROOT, capture_output=True, text=True, check=False)
    assert lint.returncode == 0, lint.stdout + lint.stderr
