# A clock and a pause for scripts of tests that guests run as well: their Perl is Debian's perl-base, without Time::HiRes.
use strict;
use warnings;
use POSIX ();

my $clock_gettime = (POSIX::uname())[4] eq 'aarch64' ? 113 : 228;

# Seconds, of the monotonic clock.
sub now {
	my $time = "\0" x 16;
	syscall($clock_gettime, 1, $time) == 0 or die "clock_gettime: $!";
	my ($seconds, $ns) = unpack('qq', $time);
	return $seconds + $ns / 1e9;
}

sub pause {
	my ($seconds) = @_;
	select(undef, undef, undef, $seconds);
}

1;
