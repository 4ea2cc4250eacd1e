# perl as-user.pl UID CAPABILITY,… COMMAND…: the command as that user with these capabilities alone, which what it starts has too
# (ambient), and with as much locked memory as it likes: setpriv of util-linux and a unit's LimitMEMLOCK=infinity, for where
# they are not. Needs root.
use strict;
use warnings;
use Errno ();
use POSIX ();

my %number = (dac_read_search => 2, net_admin => 12, sys_ptrace => 19, syslog => 34, perfmon => 38, bpf => 39);
my ($prctl, $capset, $prlimit) = (POSIX::uname())[4] eq 'x86_64' ? (157, 126, 302) : (167, 91, 261);
my ($user, $names, @command) = @ARGV;
$user = int $user;
my @caps = map { $number{$_} // die "no capability $_\n" } split /,/, $names;

sub call { my ($what, $number, @args) = @_; syscall($number, @args) == 0 or die "$what: $!\n" }

my $unlimited = pack 'Q2', ~0, ~0;
# Root of a container may not raise it; what comes of it is then seen, and since Linux 5.11 nothing does.
syscall($prlimit, 0, 8, $unlimited, 0) == 0 or $!{EPERM} or die "prlimit: $!\n";
# They outlive the change of user.
call 'keep capabilities', $prctl, 8, 1, 0, 0, 0;
$) = "$user $user";
POSIX::setgid($user) or die "setgid: $!\n";
POSIX::setuid($user) or die "setuid: $!\n";
my @sets = (0, 0);
$sets[$_ >> 5] |= 1 << ($_ & 31) for @caps;
my $header = pack 'L l', 0x20080522, 0;
my $data = pack 'L6', ($sets[0]) x 3, ($sets[1]) x 3;
call 'capset', $capset, $header, $data;
call "raise $_", $prctl, 47, 2, $_, 0, 0 for @caps;
exec { $command[0] } @command or die "$command[0]: $!\n";
