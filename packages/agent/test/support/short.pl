# Processes that live for milliseconds: short.pl PORT COUNT RATE NAME PATH. COUNT of them, RATE a second, each with one GET by
# get.pl to PATH/1, PATH/2, …, and called NAME-1, NAME-2, … by OTEL_SERVICE_NAME. Prints how many seconds they took to start.
use strict;
use warnings;
use Cwd qw(abs_path);
require(abs_path($0) =~ s{packages/agent/test/support/short\.pl$}{test/support/clock.pl}r);

my ($port, $count, $rate, $name, $path) = @ARGV;
my $get = $0 =~ s/short\.pl$/get.pl/r;
my $began = now();
for my $n (1 .. $count) {
	my $early = $began + $n / $rate - now();
	pause($early) if $early > 0;
	my $pid = fork // die "fork: $!";
	next if $pid;
	$ENV{OTEL_SERVICE_NAME} = "$name-$n";
	open(STDOUT, '>', '/dev/null') or die;
	exec($^X, $get, $port, "$path/$n") or die "exec: $!";
}
my $took = now() - $began;
while (wait > 0) {
	die "one of them failed\n" if $?;
}
print "$took\n";
