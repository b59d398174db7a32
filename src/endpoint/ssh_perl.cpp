#include "endpoint/ssh_perl.hpp"

namespace syncline {

const char common_perl[] = R"perl(use strict;
use Errno;
my ($root, $stage, $here);
sub fail { print STDERR "$_[0]\n"; exit 1 }
sub handle { my ($what) = @_; open(my $handle, $what) or fail("cannot open $what: $!"); return $handle }
sub is_same { my ($one, $two) = @_; return @$one && @$two && "@$one[0, 1]" eq "@$two[0, 1]" }
# Goes into one directory that is no symlink.
sub enter {
  my ($name) = @_;
  return 0 if $name eq "" || $name eq "." || $name eq ".." || $name =~ m{/};
  my @seen = lstat($name);
  return 0 if !@seen || ($seen[2] & 0170000) != 0040000 || !chdir($name);
  return is_same(\@seen, [stat(".")]);
}
# Goes into the directory $path below the root. Where we are stays what it is, but a name is never believed again.
sub go_to {
  my ($path) = @_;
  my $rest = $path;
  if (defined $here && $here ne "" && index($path, "$here/") == 0) { $rest = substr($path, length($here) + 1) }
  else { chdir($root) or fail("cannot enter the root: $!") }
  undef $here;
  for my $name ($rest eq "" ? () : split(m{/}, $rest, -1)) { return 0 if !enter($name) }
  $here = $path;
  return 1;
}
# The last name of $path; we are in its directory then. undef when that is not there or is no plain one.
sub reach {
  my ($path) = @_;
  my $slash = rindex($path, "/");
  my $name = substr($path, $slash + 1);
  return undef if $name eq "" || $name eq "." || $name eq ".." || $slash == 0;
  my $parent = $slash < 0 ? "" : substr($path, 0, $slash);
  return (defined $here && $here eq $parent) || go_to($parent) ? $name : undef;
}
sub use_root {
  my ($path, $inode) = @_;
  $root = handle("<$path");
  my @root = stat($root);
  fail("the root was replaced by another directory") if $inode ne "0" && $root[1] ne $inode;
  return @root;
}
# Whatever stands under the stage's name, this one is: ours alone, in the root, and the one that was made.
sub use_stage {
  my ($descriptor, $identity, $root_inode) = @_;
  $stage = handle("<&=$descriptor");
  my $strange = "the private directory for new files is not the one that was made: somebody else writes into the root";
  my @is = stat($stage);
  fail($strange) if !@is || ($is[2] & 0170000) != 0040000 || $is[4] != $> || !chdir($stage);
  my @root = use_root("..", $root_inode);
  fail($strange) if $identity ne "new" && "$is[0]:$is[1]" ne $identity;
  if ($identity eq "new") {
    opendir(my $entries, ".") or fail("cannot read the private directory for new files: $!");
    fail($strange) if grep { $_ ne "." && $_ ne ".." } readdir($entries);
  }
  # Where a file system knows no modes there is nothing that could be private.
  chmod(0700, $stage) if ($is[2] & 0777) != 0700;
  my $shared = 5;
  fail("the private directory for new files is being removed by another run") if !flock($stage, $shared) && $!{EWOULDBLOCK};
  return @is;
}
# The names that a stage holds, now or in an older version.
sub is_staged_name { return $_[0] =~ /^(?:[0-9a-f]{16}|names|sums|paths|ops|done|have|owner)$/ }
# Removes the stage in which we are, whose name in the directory $parent is $name; what is not of a stage stays.
sub remove_stage {
  my ($is, $parent, $name) = @_;
  opendir(my $entries, ".") or return 0;
  for my $entry (readdir($entries)) { unlink($entry) if is_staged_name($entry) }
  chdir($parent) or return 0;
  return is_same($is, [lstat($name)]) && rmdir($name);
}
)perl";

namespace {

const char ops_part[] = R"perl(
my $precise = eval { require Time::HiRes; Time::HiRes::lstat("."); 1 };
my %kinds = (0100000, "f", 0040000, "d", 0120000, "l");
my ($index, $from, @ops, @staged, @failures) = (-1);

sub look { return $precise ? Time::HiRes::lstat($_[0]) : lstat($_[0]) }
sub kind { return $kinds{$_[0] & 0170000} || "s" }
sub report {
  my ($kind, $why) = @_;
  $kind = "disk" if !$kind && ($!{ENOSPC} || $!{EDQUOT} || $!{EROFS} || $!{EIO});
  $kind = "filled" if !$kind && ($!{ENOTEMPTY} || $!{EEXIST});
  $why = "$!" if !defined $why;
  push @failures, "$ENV{M}F$index " . ($kind || "other") . " $why\n";
  return 0;
}
sub same {
  my ($now, $then) = @_;
  return abs($now - $then) < 0.000001 if $precise && $then =~ /[.]/;
  return int($now) == int($then);
}
# Whether what stands at $name is what was expected; reports when it is not. A rename has changed the ctime.
sub is_expected {
  my ($name, $want, $is_renamed) = @_;
  return 1 if $want eq "*";
  my @s = $want eq "" ? lstat($name) : look($name);
  return $want eq "" ? 1 : report("changed", "gone") if !@s && ($!{ENOENT} || $!{ENOTDIR});
  return report("") if !@s;
  return report("changed", "something stands there") if $want eq "";
  my ($kind, $inode, $size, $mtime, $ctime) = split / /, $want;
  return report("changed", "replaced") if kind($s[2]) ne $kind || "$s[1]" ne $inode;
  return 1 if $kind eq "d";
  return report("changed", "size") if $kind eq "f" && $s[7] != $size;
  return 1 if same($s[9], $mtime) && ($is_renamed || same($s[10], $ctime));
  return report("changed", "time");
}
sub put {
  my ($name, $staged, $want) = @_;
  my $source = $from;
  # Without /proc the stage has a name only; it is looked at just before.
  if (!defined $source) {
    $source = ("../" x ($here eq "" ? 0 : 1 + ($here =~ tr{/}{}))) . $ARGV[0];
    return report("", "the private directory was moved") if !is_same([stat($stage)], [lstat($source)]);
  }
  my $was_directory = $want =~ /^d/;
  return report("") if $was_directory && !rmdir($name);
  return 1 if rename("$source/$staged", $name);
  my $why = "$!";
  report("");
  mkdir($name, 0700) if $was_directory;
  return 0;
}
# Never over what came meanwhile; then it stays aside, where the next run finds it.
sub give_back {
  my ($old, $name) = @_;
  return unlink($old) if link($old, $name);
  return 0 if $!{EEXIST} || lstat($name);
  return rename($old, $name);
}
sub make_directory {
  my ($name, $old, $mode, $want) = @_;
  if ($want ne "") {
    return report("") if !rename($name, $old);
    if (!is_expected($old, $want, 1)) { give_back($old, $name); return 0 }
  }
  if (!mkdir($name, 0700)) {
    my $exists = $!{EEXIST};
    my @s = lstat($name);
    if (!$exists || !@s || kind($s[2]) ne "d") {
      $! = $exists ? 17 : $!;
      report($exists ? "changed" : "");
      give_back($old, $name) if $want ne "";
      return 0;
    }
  }
  unlink($old) if $want ne "";
  return $mode == 0700 || give_mode_to_new($name, $mode);
}
# By a descriptor, and only to an empty directory of ours: something else may have been given the name since it was made.
sub give_mode_to_new {
  my ($name, $mode) = @_;
  require Fcntl;
  sysopen(my $made, $name, Fcntl::O_RDONLY() | Fcntl::O_NOFOLLOW() | Fcntl::O_DIRECTORY()) or return report("changed", "replaced");
  my @s = stat($made);
  opendir(my $entries, $name) or return report("");
  return report("changed", "replaced") if !is_same(\@s, [stat($entries)]) || $s[4] != $>;
  return report("changed", "filled") if grep { $_ ne "." && $_ ne ".." } readdir($entries);
  return chmod($mode, $made) || report("");
}
# What cannot be opened for reading can be for its name alone (O_PATH), where /proc then leads to it.
sub change_mode_of_closed {
  my ($name, $mode, $seen) = @_;
  return chmod($mode, $name) || report("") if !-d "/proc/self/fd";
  require Fcntl;
  my $path_only = 010000000;
  sysopen(my $file, $name, $path_only | Fcntl::O_NOFOLLOW()) or return report("");
  return report("changed", "replaced") if !is_same($seen, [stat($file)]);
  return chmod($mode, "/proc/self/fd/" . fileno($file)) || report("");
}
sub change_mode {
  my ($name, $mode, $want) = @_;
  # chmod goes through a symlink: it gets what was looked at, by a descriptor where that can be opened.
  my @s = lstat($name);
  return report("changed", "gone") if !@s;
  return report("changed", "replaced") if kind($s[2]) !~ /[fd]/;
  if (($s[2] & 0400) && open(my $file, "<", $name)) {
    return report("changed", "replaced") if !is_same(\@s, [stat($file)]);
    return chmod($mode, $file) || report("");
  }
  return change_mode_of_closed($name, $mode, \@s);
}
# By a descriptor, for utime goes through a symlink.
sub change_time {
  my ($name, $time, $mode) = @_;
  my @s = lstat($name);
  return report("changed", "gone") if !@s;
  return report("changed", "replaced") if kind($s[2]) ne "f";
  open(my $file, "<", $name) or return report("");
  return report("changed", "replaced") if !is_same(\@s, [stat($file)]);
  my $done = $precise && eval { Time::HiRes::utime($time, $time, $file) };
  $done ||= utime(int($time), int($time), $file) or return report("");
  return ($s[2] & 07777) == $mode || chmod($mode, $file) || report("");
}
sub read_ops {
  my ($file) = @_;
  local $/;
  my $all = <$file>;
  my @fields = split(/\0/, defined $all ? $all : "", -1);
  while (@fields >= 5) { push @ops, [splice(@fields, 0, 5)] }
}
# Gives what SFTP brought its mode and time, and remembers what each staged thing is. In the stage.
sub finish_staged {
  for my $op (@ops) {
    ++$index;
    my ($kind, $path, $staged, $mode) = @$op;
    next if $kind ne "p" && $kind ne "t";
    if ($kind eq "t") {
      ($staged, my $time) = split / /, $staged;
      $$op[2] = $staged;
      my $done = chmod(oct($mode), $staged);
      $done &&= $precise ? Time::HiRes::utime($time, $time, $staged) : utime(int($time), int($time), $staged);
      if (!$done) { report(""); $$op[0] = "-"; next }
    }
    $staged[$index] = (lstat($staged))[1];
  }
  $index = -1;
}
# Does each, and prints the paths of those that were done to $paths.
sub do_ops {
  my ($paths) = @_;
  for my $op (@ops) {
    ++$index;
    my ($kind, $path, $staged, $mode, $want) = @$op;
    next if $kind eq "-";
    my $name = reach($path);
    if (!defined $name) { report("changed", "its directory is gone or was replaced"); next }
    next if !is_expected($name, $want);
    my $done =
      $kind eq "p" || $kind eq "t" ? put($name, $staged, $want) :
      $kind eq "m" ? make_directory($name, $staged, oct($mode), $want) :
      $kind eq "c" ? change_mode($name, oct($mode), $want) :
      $kind eq "u" ? change_time($name, $staged, oct($mode)) :
      $kind eq "r" ? unlink($name) || $!{ENOENT} || report("") :
      $kind eq "d" ? rmdir($name) || $!{ENOENT} || report("") : 0;
    print $paths "./$path\0" if $done && defined $paths;
  }
}
)perl";

const char enter_part[] = R"perl(
my ($identity, $root_inode, $descriptor, $token, $who) = @ARGV;
my @is = use_stage($descriptor, $identity, $root_inode);
exit 0 if !defined $token;
open(my $owner, ">", "owner") or fail("cannot write on the server: $!");
print($owner "$token\n$who\n") && close($owner) or fail("cannot write on the server: $!");
print "$is[0]:$is[1] $is[4]\n";
)perl";

const char install_part[] = R"perl(
my ($name, $root_inode, $keeps, $stat) = @ARGV;
$stage = handle("<&=8");
my @is = stat($stage);
chdir($stage) or fail("cannot enter the private directory: $!");
use_root("..", $root_inode);
$from = "/proc/self/fd/8";
undef $from if !is_same(\@is, [stat("$from/.")]);
read_ops(handle("<ops"));
finish_staged();
# stat knows nanoseconds, where Perl does not, and works while the next are renamed. What it says counts for the inode
# that was put there.
chdir($root) or fail("cannot enter the root: $!");
open(my $paths, "|-", $stat) or fail("cannot start stat: $!");
do_ops($paths);
close($paths);
print @failures, "$ENV{M}I", join(" ", map { defined $_ ? $_ : 0 } @staged), "\n";
if (!$keeps && chdir($stage)) { remove_stage(\@is, $root, $name) }
)perl";

const char remove_part[] = R"perl(
use_root(".", $ARGV[0]);
read_ops(\*STDIN);
do_ops();
print @failures;
)perl";

const char prepare_part[] = R"perl(
use_stage(8, @ARGV);
local $/;
my @fields = split(/\0/, <STDIN>, -1);
while (@fields >= 2) {
  my ($name, $time) = splice(@fields, 0, 2);
  is_staged_name($name) or fail("$name is no name for a new file");
  chmod(0600, $name);
  open(my $file, ">>", $name) or fail("cannot write on the server: $!");
  utime($time, $time, $file) or fail("cannot write on the server: $!");
}
)perl";

}  // namespace

std::string enter_stage_perl() { return std::string(common_perl) + enter_part; }
std::string install_perl() { return std::string(common_perl) + ops_part + install_part; }
std::string remove_perl() { return std::string(common_perl) + ops_part + remove_part; }
std::string prepare_perl() { return std::string(common_perl) + prepare_part; }

}  // namespace syncline
