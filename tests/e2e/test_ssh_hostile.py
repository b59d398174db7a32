"""A server that lies about its files. Nothing outside the root is ever written, and nothing grows without bound."""
import pathlib

import pytest

from harness import make_tree, read_tree, snapshot
from projects import stand_in

PROGRAM = pathlib.Path(__file__).with_name("hostile_sftp.py")
MOST_MEMORY_BYTES = 1 << 30


@pytest.fixture
def pull(sandbox, start_server):
    """pull(case): pulls from a server that lies; the result."""

    def run(case, *options, head="", **keys):
        program = sandbox.directory / "hostile.py"
        program.write_text(PROGRAM.read_text())
        program.chmod(0o644)
        start_server(lines=["Subsystem sftp internal-sftp", f"ForceCommand /usr/bin/python3 {program} {case}"])
        (sandbox.source / "mine").write_text("mine")
        sandbox.jobs(("lab", {"root": sandbox.source, "remote": "cse:/srv/tree", "direction": "pull", "pull": "update",
                              "timeout": "40s", **keys}), head=head)
        return sandbox.run("pull", "lab", *options, check={0, 1, 3, 4}, wrapper=["prlimit", f"--as={MOST_MEMORY_BYTES}"])

    return run


@pytest.mark.parametrize("case", ["dotdot", "slash", "empty", "nul"])
def test_names_that_cannot_be(pull, sandbox, case):
    before = set(snapshot(sandbox.directory))
    result = pull(case)
    assert result.status != 0, result
    assert set(read_tree(sandbox.source)) <= {"mine", "good"}
    new = {path for path in snapshot(sandbox.directory) if "escaped" in path}
    assert not new - before and not pathlib.Path("/tmp/escaped").exists()


@pytest.mark.parametrize("case", ["twice", "link-then-file", "control", "device"])
def test_entries_that_contradict_each_other(pull, sandbox, case):
    result = pull(case)
    assert read_tree(sandbox.source)["mine"] == b"mine"
    assert not [path for path in sandbox.source.rglob("*") if path.is_symlink()]
    assert "\x1b" not in result.text


def test_a_mirror_deletes_nothing_on_the_word_of_a_liar(pull, sandbox):
    result = pull("dotdot", "--overwrite", "--adopt")
    assert result.status != 0
    assert read_tree(sandbox.source)["mine"] == b"mine"


def test_a_file_that_is_shorter_than_listed(pull, sandbox):
    result = pull("size-lies-up")
    assert result.status in (1, 4) and "liar" in result.err
    assert set(read_tree(sandbox.source)) <= {"mine", "good"}


def test_no_more_of_a_file_is_taken_than_was_listed(pull, sandbox):
    pull("size-lies-down")
    assert read_tree(sandbox.source) == {"mine": b"mine", "good": b"abc", "liar": b"xxx"}


@pytest.mark.parametrize("case", ["endless-listing", "cycle"])
def test_listings_without_an_end(pull, sandbox, case):
    result = pull(case)
    assert result.status != 0
    assert read_tree(sandbox.source)["mine"] == b"mine"


FIND_WITHOUT_END = """case "$*" in *-printf*%y*) ;; *) exec /usr/bin/find "$@";; esac
exec /usr/bin/perl -e 'for ($i = 0;; $i++) {
    printf "f 644 3 1600000000.0000000000 1600000000.0000000000 %d 9\\0x%09d\\0\\0", $i + 1, $i or exit;   # its reader has gone
}'"""
GARBAGE_WITHOUT_END = FIND_WITHOUT_END.replace("f 644", "what")


@pytest.mark.parametrize("script", [FIND_WITHOUT_END, GARBAGE_WITHOUT_END], ids=["entries", "garbage"])
def test_a_find_without_end_halts_the_run(sandbox, server, script):
    stand_in(server, "find", script)
    (sandbox.source / "mine").write_text("mine")
    sandbox.jobs(("lab", {"root": sandbox.source, "remote": "cse:target", "delete": "mirror"}), head="[engine]\nmax_entries = 30000\n")
    (server.home / "target").mkdir()
    (server.home / "target/theirs").write_text("theirs")
    server.own(server.home)
    result = sandbox.run("push", "lab", "--adopt", check={3}, wrapper=["prlimit", f"--as={MOST_MEMORY_BYTES}"])
    assert "incomplete-listing" in result.text and "could not be listed whole" in result.text
    assert read_tree(server.home / "target") == {"theirs": b"theirs"}


def test_a_directory_without_end_halts_the_run(pull, sandbox):
    result = pull("endless-listing", head="[engine]\nmax_entries = 5000\n")
    assert result.status == 3 and "incomplete-listing" in result.text and "more than 5000 entries" in result.text
    assert read_tree(sandbox.source) == {"mine": b"mine"}


def test_no_bits_that_give_rights(pull, sandbox):
    pull("setuid")
    assert (sandbox.source / "tool").stat().st_mode & 0o7777 == 0o700


def test_a_name_that_cannot_be_held_here_is_that_files_problem_alone(pull, sandbox):
    result = pull("long-name")
    assert result.status == 4 and "File name too long" in result.err and "n" * 300 in result.err, result
    assert read_tree(sandbox.source) == {"mine": b"mine", "good": b"abc", "last": b"abc"}


ENDLESS = {
    "zeros": "while (1) { print chr(0) x 65536 }",
    "one file": "print header('0', 8 * 1024 ** 3 - 1); while (1) { print 'x' x 65536 }",
    "unwanted members": "while (1) { print header('other' . $i++, 0) }",
    "headers": "while (1) { print header('n', 512, 'L'), 'x' x 512 }",
}

FAKE_PERL = r"""#!/usr/bin/perl
if ("@ARGV" !~ / tar$/) { $ENV{PATH} = '/usr/bin:/bin'; exec '/usr/bin/perl', @ARGV }
sub header {
  my ($name, $size, $type) = @_;
  my $h = pack('a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 x247', $name, '0000600', '0000000', '0000000',
               sprintf('%011o', $size), '00000000000', '', $type || '0', '', 'ustar', '00');
  substr($h, 148, 8) = sprintf("%06o\0 ", unpack('%32C*', $h));
  return $h;
}
open(my $log, '>', $ENV{HOME} . '/called');
close($log);
$SIG{PIPE} = 'DEFAULT';
my $i = 0;
BODY
"""


@pytest.mark.parametrize("what", list(ENDLESS))
def test_a_stream_without_an_end_is_broken_off(sandbox, start_server, what):
    programs = sandbox.directory / "bin"
    programs.mkdir()
    (programs / "perl").write_text(FAKE_PERL.replace("BODY", ENDLESS[what]))
    (programs / "perl").chmod(0o755)
    server = start_server(lines=[f"SetEnv PATH={programs}:/usr/bin:/bin"])
    make_tree(sandbox.target, {f"f{i}": "abc" for i in range(50)})
    server.own(server.home)
    sandbox.jobs(("lab", {"root": sandbox.source, "remote": "cse:target", "direction": "pull", "pull": "update",
                          "transfer": "tar", "timeout": "40s"}))
    result = sandbox.run("pull", "lab", check=1, wrapper=["prlimit", f"--as={MOST_MEMORY_BYTES}"])
    assert (server.home / "called").exists()
    assert "more than was asked for" in result.err or "malformed" in result.err, result
    assert not [path for path in read_tree(sandbox.source) if not path.startswith(".syncline")]
