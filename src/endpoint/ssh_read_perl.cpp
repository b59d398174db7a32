#include "endpoint/ssh_read_perl.hpp"

namespace syncline {

const char read_perl[] = R"perl(
use strict;
use Errno;
use Fcntl;
# Descriptors are left open for the programs that read them.
$^F = 1 << 20;
my ($mode, $format) = @ARGV;
my $marker = $ENV{M};
my @hasher = split / /, $ENV{H} || "";
my ($descriptors) = grep { -e "$_/0" } "/dev/fd", "/proc/self/fd";
my $flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
my $batch_files = $descriptors ? 400 : 1;
my $piece = 256 << 10;
my ($out, $here, @batch) = ("");
open(my $records, "<&", \*STDIN) or exit 1;
binmode($records);
binmode(STDOUT);
opendir(my $root, ".") or exit 41;

# Goes into a directory below the root, one component at a time.
sub enter {
  my ($directory) = @_;
  return 1 if defined $here && $here eq $directory;
  undef $here;
  return 0 if !chdir($root);
  for my $name (split(m{/}, $directory, -1)) {
    return 0 if $name eq "" || $name eq "." || $name eq "..";
    my @named = lstat($name) or return 0;
    $! = Errno::ENOTDIR();
    return 0 if ($named[2] & 0170000) != 0040000 || !chdir($name);
    my @entered = stat(".");
    $! = Errno::ENOTDIR();
    return 0 if !@entered || "$named[0] $named[1]" ne "$entered[0] $entered[1]";
  }
  $here = $directory;
  return 1;
}
sub failure { return $!{ENOENT} ? "gone" : $!{ENOTDIR} || $!{ELOOP} || $!{ENXIO} ? "replaced" : "unreadable" }
# An open file and what fstat says of it; else what became of it.
sub look {
  my ($path, $inode) = @_;
  my ($directory, $name) = $path =~ m{^(?:(.*)/)?([^/]+)$}s or return "replaced";
  return "replaced" if $name eq "." || $name eq "..";
  return failure() if !enter(defined $directory ? $directory : "");
  sysopen(my $file, $name, $flags) or return failure();
  my @status = stat($file);
  return "replaced" if !@status || ($status[2] & 0170000) != 0100000 || $inode && "$status[1]" ne $inode;
  binmode($file);
  return ("", $file, @status);
}
sub say_line { print "$marker ", join(" ", @_), "\n" }

# What one program says of all files of the batch: their names there, and the lines that have them at their end.
sub ask {
  my ($files, @command) = @_;
  my %said;
  if (!$descriptors) {
    open(STDIN, "<&", $files->[0][1]) or return \%said;
    sysseek(STDIN, 0, 0);
  }
  my @names = $descriptors ? map { "$descriptors/" . fileno($_->[1]) } @$files : $command[0] eq "stat" ? ("-") : ();
  open(my $answers, "-|", @command, @names) or return \%said;
  while (my $line = <$answers>) {
    chomp $line;
    next if $line !~ m{^(.*?)(?: [ *]?([^ ]*))?$};
    my ($text, $name) = ($1, $2);
    $name = $descriptors && defined $name && $name =~ m{/([0-9]+)$} ? $1 : 0;
    $said{$name} = $text;
  }
  close($answers);
  return \%said;
}
sub finish_batch {
  return if !@batch;
  my $digests = ask(\@batch, @hasher);
  my $facts = ask(\@batch, "stat", "-L", "-c", "$format %n");
  for my $entry (@batch) {
    my $name = $descriptors ? fileno($entry->[1]) : 0;
    my ($digest, $fact) = ($digests->{$name}, $facts->{$name});
    my $is_read = defined $digest && $digest =~ /^[0-9a-f]{64}$/ && defined $fact;
    say_line($entry->[0], $is_read ? ("ok", $digest, $fact) : "unreadable");
  }
  @batch = ();
}
sub digest {
  my ($number, $inode, $path) = @_;
  my ($why, $file) = look($path, $inode);
  if ($why eq "unreadable" && $!{EMFILE}) { finish_batch(); ($why, $file) = look($path, $inode) }
  return say_line($number, $why) if $why ne "";
  push @batch, [$number, $file];
  finish_batch() if @batch >= $batch_files;
}

sub prefix {
  my ($count, $number, $inode, $path) = @_;
  my ($why, $file) = look($path, $inode);
  return print "-\n" if $why ne "";
  open(my $pipe, "|-", @hasher) or return print "-\n";
  binmode($pipe);
  while ($count > 0) {
    my $got = sysread($file, my $bytes, $count < $piece ? $count : $piece);
    last if !$got;
    print {$pipe} $bytes;
    $count -= $got;
  }
  close($pipe);
}

sub flush {
  for (my $at = 0; $at < length($out);) {
    my $put = syswrite(STDOUT, $out, length($out) - $at, $at);
    exit 1 if !defined $put && !$!{EINTR};
    $at += $put || 0;
  }
  $out = "";
}
sub tar_number {
  my ($value, $digits) = @_;
  return sprintf("%0${digits}o\0", $value) if $value < 8 ** $digits;
  my $high = int($value / 4294967296);
  return pack("Cx3NN", 0x80, $high, $value - $high * 4294967296);
}
sub give {
  my ($number, $inode, $path) = @_;
  my ($why, $file, @status) = look($path, $inode);
  return if $why ne "";
  my $size = $status[7];
  my $header = pack("a100 a8 a8 a8 a12 a12 A8 a1 a100 a6 a2 x247", $number, "0000600\0", "0000000\0", "0000000\0",
                    tar_number($size, 11), "00000000000\0", "", "0", "", "ustar\0", "00");
  substr($header, 148, 8) = sprintf("%06o\0 ", unpack("%32C*", $header));
  $out .= $header;
  for (my $rest = $size; $rest > 0;) {
    my $wanted = $rest < $piece ? $rest : $piece;
    my $got = sysread($file, $out, $wanted, length($out));
    # It became shorter; its digest will tell.
    if (!$got) { $out .= "\0" x $wanted; $got = $wanted }
    $rest -= $got;
    flush() if length($out) >= $piece;
  }
  $out .= "\0" x ((512 - $size % 512) % 512);
}

my %acts = (digest => \&digest, prefix => \&prefix, tar => \&give);
my $fields = $mode eq "prefix" ? 4 : 3;
{
  local $/ = "\0";
  my @record;
  while (my $field = <$records>) {
    chomp $field;
    push @record, $field;
    next if @record < $fields;
    local $/ = "\n";
    $acts{$mode}->(@record);
    @record = ();
  }
}
if ($mode eq "digest") { finish_batch(); say_line("E") }
if ($mode eq "tar") { $out .= "\0" x 1024; flush() }
)perl";

}  // namespace syncline
