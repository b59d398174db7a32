// What removes or gives back what runs left that were killed.
#include "endpoint/ssh_perl.hpp"

namespace syncline {
namespace {

const char sweep_part[] = R"perl(
use Fcntl;
my ($root_inode, $token, $wait, $identity) = @ARGV;
if ($identity ne "") { use_stage(8, $identity, $root_inode); chdir($root) } else { use_root(".", $root_inode) }
my ($exclusive, $end) = (6, time() + $wait);
# Whose writer was never heard of for so long that it must be gone, with the server not knowing it yet.
my $silent_s = 900;

# 1 when nobody uses it; then nobody begins to while $file is open. Where nothing can be locked, age decides.
sub is_free {
  my ($file) = @_;
  return 1 if flock($file, $exclusive);
  return 0 if $!{EWOULDBLOCK};
  return time() - (stat($file))[9] > 86400;
}
# The processes that hold a stage, when it is of this very run, which has lost them, or was not heard of for long.
sub end_holders {
  my ($is, $whose) = @_;
  my $newest = 0;
  opendir(my $entries, ".") or return;
  for my $entry (readdir($entries)) { next if $entry eq ".."; my @s = lstat($entry); $newest = $s[10] if @s && $s[10] > $newest }
  return if $whose ne $token && time() - $newest < $silent_s;
  opendir(my $processes, "/proc") or return;
  for my $process (grep { /^[0-9]+$/ && $_ != $$ } readdir($processes)) {
    kill("TERM", $process) if grep { is_same($is, [stat("/proc/$process/fd/$_/.")]) } 8, 9;
  }
}
sub lock_stage {
  my ($file, $is) = @_;
  return 1 if is_free($file);
  my @owner;
  if (open(my $said, "<", "owner")) { chomp(@owner = <$said>) }
  end_holders($is, defined $owner[0] ? $owner[0] : "");
  while (time() < $end) {
    select(undef, undef, undef, 0.1);
    return 1 if is_free($file);
  }
  print defined $owner[1] ? $owner[1] : "", "\0";
  return 0;
}
sub is_hole { return $_[0] !~ tr/\0//c }
# Into an inode of its own: who still writes to the old one writes to nothing.
sub copy_content {
  my ($from, $to) = @_;
  my $clone = 0x40049409;
  return 1 if ioctl($to, $clone, fileno($from));
  my ($size, $bytes) = (0, "");
  while (my $got = sysread($from, $bytes, 1 << 20)) {
    if (is_hole($bytes)) { sysseek($to, $got, 1) or return 0 }
    else { for (my $done = 0; $done < $got;) { $done += syswrite($to, $bytes, $got - $done, $done) || return 0 } }
    $size += $got;
  }
  return truncate($to, $size);
}
# Of the stage in which we are, $old.
sub keep_contents {
  my ($old) = @_;
  opendir(my $entries, ".") or return;
  for my $name (grep { /^[0-9a-f]{16}$/ } readdir($entries)) {
    my @s = lstat($name);
    next if !@s || ($s[2] & 0170000) != 0100000 || $s[3] != 1 || $s[4] != $> || $s[7] == 0;
    sysopen(my $from, $name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or next;
    next if !is_same(\@s, [stat($from)]);
    chdir($stage);
    if (sysopen(my $to, $name, O_WRONLY | O_CREAT | O_EXCL, 0600)) {
      my $done = copy_content($from, $to) && chmod($s[2] & 0777, $to);
      close($to);
      $done ? utime($s[9], $s[9], $name) : unlink($name);
    }
    chdir($old);
  }
}
sub sweep {
  my ($path) = @_;
  my $name = reach($path);
  return if !defined $name;
  my @s = lstat($name);
  return if !@s || $s[4] != $>;
  my $is_directory = ($s[2] & 0170000) == 0040000;
  if (!$is_directory) {
    my $is_file = ($s[2] & 0170000) == 0100000;
    if ($is_file && sysopen(my $file, $name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)) { return if !is_free($file) }
    unlink($name);
    return;
  }
  my $parent = handle("<.");
  sysopen(my $file, $name, O_RDONLY | O_NOFOLLOW | O_DIRECTORY) or return;
  return if !is_same(\@s, [stat($file)]) || !chdir($file);
  undef $here;
  return if !lock_stage($file, \@s);
  keep_contents($file) if defined $stage && $path !~ m{/};
  remove_stage(\@s, $parent, $name);
}
local $/ = "\0";
for my $path (<STDIN>) { chomp $path; local $/ = "\n"; sweep($path) }
)perl";

const char settle_part[] = R"perl(
use Fcntl;
use_root(".", $ARGV[0]);
sub content_of {
  my ($name) = @_;
  my @s = lstat($name);
  return "" if !@s || ($s[2] & 0170000) != 0100000;
  sysopen(my $file, $name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK) or return "";
  return "" if !is_same(\@s, [stat($file)]);
  open(STDIN, "<&", $file) or return "";
  return `$ENV{H}` =~ /^\\?([0-9a-f]{64})\b/ ? $1 : "";
}
sub holds_nothing_new {
  my ($name, $original, $contents, $links) = @_;
  my $made_for = substr($name, -16, 8);
  my $link = readlink($name);
  return scalar grep { $_ eq $link } @$links if defined $link;
  my $content = content_of($name);
  return 0 if $content eq "";
  return 1 if substr($content, 0, 8) eq $made_for || index(" $contents ", " $content ") >= 0;
  return $original ne "" && content_of($original) eq $content;
}
# To a name that is free.
sub move_to {
  my ($name, $to) = @_;
  return unlink($name) if link($name, $to);
  return 0 if $!{EEXIST} || lstat($to);
  return rename($name, $to);
}
sub settle {
  my ($path, $original, $kept, $contents, $links) = @_;
  my $name = reach($path);
  return "left its directory was replaced" if !defined $name;
  my @s = lstat($name) or return "removed";
  my $may_go = ($s[2] & 0170000) == 0040000 || holds_nothing_new($name, $original, $contents, $links);
  return "removed" if $may_go && (($s[2] & 0170000) == 0040000 ? rmdir($name) : unlink($name));
  return "put_back" if $original ne "" && move_to($name, $original);
  return "kept" if move_to($name, $kept);
  return "left $!";
}
my @fields = do { local $/; split(/\0/, <STDIN>, -1) };
while (@fields >= 5) {
  my ($path, $original, $kept, $contents, $count) = splice(@fields, 0, 5);
  print settle($path, $original, $kept, $contents, [splice(@fields, 0, $count)]), "\0";
}
)perl";

}  // namespace

std::string settle_perl() { return std::string(common_perl) + settle_part; }
std::string sweep_perl() { return std::string(common_perl) + sweep_part; }

}  // namespace syncline
