# Processes that live for milliseconds: short.pl PORT COUNT RATE NAME PATH. COUNT of them, RATE a second, each with one GET by
# get.pl to PATH/1, PATH/2, …, and called NAME-1, NAME-2, … by OTEL_SERVICE_NAME. Prints how many seconds they took to start.
use strict;
use warnings;
use Time::HiRes qw(time sleep);

my ($port, $count, $rate, $name, $path) = @ARGV;
my $get = $0 =~ s/short\.pl$/get.pl/r;
my $began = time;
for my $n (1 .. $count) {
	my $early = $began + $n / $rate - time;
	sleep($early) if $early > 0;
	my $pid = fork // die "fork: $!";
	next if $pid;
	$ENV{OTEL_SERVICE_NAME} = "$name-$n";
	open(STDOUT, '>', '/dev/null') or die;
	exec($^X, $get, $port, "$path/$n") or die "exec: $!";
}
my $took = time - $began;
while (wait > 0) {
	die "one of them failed\n" if $?;
}
print "$took\n";
