#include "endpoint/ssh_perl.hpp"

namespace syncline {

const char install_perl[] = R"perl(
use strict;
use Errno;
my ($stage) = @ARGV;
my $precise = eval { require Time::HiRes; Time::HiRes::lstat("."); 1 };
my %sure = ("" => 1);
my %kinds = (0100000, "f", 0040000, "d", 0120000, "l");
my $index = -1;

sub look { return $precise ? Time::HiRes::lstat($_[0]) : lstat($_[0]) }
sub kind { return $kinds{$_[0] & 0170000} || "s" }
sub report {
  my ($kind, $why) = @_;
  $kind = "disk" if !$kind && ($!{ENOSPC} || $!{EDQUOT} || $!{EROFS} || $!{EIO});
  $kind = "filled" if !$kind && ($!{ENOTEMPTY} || $!{EEXIST});
  $why = "$!" if !defined $why;
  print "$ENV{M}F$index ", $kind || "other", " $why\n";
  return 0;
}
sub same {
  my ($now, $then) = @_;
  return abs($now - $then) < 0.000001 if $precise && $then =~ /[.]/;
  return int($now) == int($then);
}
# Whether every directory on the way to $path is one, and no symlink.
sub is_inside {
  my ($path) = @_;
  return 1 if $path !~ m{/};
  my ($parent) = $path =~ m{^(.*)/}s;
  return 1 if $sure{$parent};
  return 0 if !is_inside($parent);
  my @s = lstat($parent);
  return 0 if !@s || kind($s[2]) ne "d";
  return $sure{$parent} = 1;
}
# Whether what stands at $path is what was expected; reports when it is not.
sub is_expected {
  my ($path, $want) = @_;
  return report("changed", "its directory is gone or was replaced") if !is_inside($path);
  return 1 if $want eq "*";
  my @s = look($path);
  return $want eq "" ? 1 : report("changed", "gone") if !@s && ($!{ENOENT} || $!{ENOTDIR});
  return report("") if !@s;
  return report("changed", "something stands there") if $want eq "";
  my ($kind, $inode, $size, $mtime, $ctime) = split / /, $want;
  return report("changed", "replaced") if kind($s[2]) ne $kind || "$s[1]" ne $inode;
  return 1 if $kind eq "d";
  return report("changed", "size") if $kind eq "f" && $s[7] != $size;
  return 1 if same($s[9], $mtime) && same($s[10], $ctime);
  return report("changed", "time");
}
sub put {
  my ($path, $staged, $mode, $want) = @_;
  my $was_directory = $want =~ /^d/;
  return report("") if $was_directory && !rmdir($path);
  return 1 if rename("$stage/$staged", $path);
  my $why = "$!";
  report("");
  mkdir($path, 0700) if $was_directory;
  return 0;
}
sub make_directory {
  my ($path, $mode, $want) = @_;
  my $old = "$stage/old";
  return report("") if $want ne "" && !rename($path, $old);
  if (!mkdir($path, 0700)) {
    my $exists = $!{EEXIST};
    my @s = lstat($path);
    if (!$exists || !@s || kind($s[2]) ne "d") {
      $! = $exists ? 17 : $!;
      report($exists ? "changed" : "");
      rename($old, $path) if $want ne "";
      return 0;
    }
  }
  unlink($old) if $want ne "";
  $sure{$path} = 1;
  return $mode == 0700 || chmod($mode, $path) || report("");
}
open(my $file, "<", "$stage/ops") or exit 1;
local $/;
my $all = <$file>;
my @fields = split(/\0/, defined $all ? $all : "", -1);
while (@fields >= 5) {
  ++$index;
  my ($op, $path, $staged, $mode, $want) = splice(@fields, 0, 5);
  $mode = oct($mode);
  next if !is_expected($path, $want);
  if ($op eq "t") {
    ($staged, my $time) = split / /, $staged;
    my $done = chmod($mode, "$stage/$staged");
    $done &&= $precise ? Time::HiRes::utime($time, $time, "$stage/$staged") : utime(int($time), int($time), "$stage/$staged");
    if ($done) { put($path, $staged, $mode, $want) } else { report("") }
  }
  elsif ($op eq "p") { put($path, $staged, $mode, $want) }
  elsif ($op eq "m") { make_directory($path, $mode, $want) }
  elsif ($op eq "c") { chmod($mode, $path) || report("") }
  elsif ($op eq "r") { unlink($path) || $!{ENOENT} || report("") }
  elsif ($op eq "d") { rmdir($path) || $!{ENOENT} || report("") }
}
)perl";

}  // namespace syncline
