#!/usr/bin/perl
# Services that talk to themselves over loopback, each a process that is both ends of its connections: what was sent is
# known exactly, whatever the machine does meanwhile.
#
#     exchange.pl NAME SERVICES CONNECTIONS ROUNDS RATE PATH
#
# Each service is called NAME-0, NAME-1, …; RATE requests a second each (0: as fast as it goes), PATH with %d for a number
# and %w for a name that no other request has. Says "ready" when all connections are there, begins at a line of stdin, says
# how many were answered as they should be and the longest exchange in milliseconds, and ends with stdin.
use strict;
use warnings;
use Cwd qw(abs_path);
use Socket;
require(abs_path($0) =~ s{[^/]+$}{clock.pl}r);

my ($name, $services, $connections, $rounds, $rate, $path) = @ARGV;
$| = 1;
exit one() if $name eq 'one';

pipe(my $said, my $say) or die;
my (@children, @gates);
for my $i (0 .. $services - 1) {
	pipe(my $gate, my $opener) or die;
	my $pid = fork // die "fork: $!";
	if ($pid == 0) {
		open(STDIN, '<&', $gate) or die;
		open(STDOUT, '>&', $say) or die;
		$ENV{OTEL_SERVICE_NAME} = "$name-$i";
		exec($^X, $0, 'one', 1, $connections, $rounds, $rate, $path) or die;
	}
	push @children, $pid;
	push @gates, $opener;
}
close($say);
my ($answered, $longest) = (0, 0);
expect('ready', $services);
print "ready\n";
my $line = <STDIN>;
syswrite($_, 'x') for @gates;
for (1 .. $services) {
	my ($count, $ms) = split ' ', scalar(<$said>) // die "a service ended\n";
	$answered += $count;
	$longest = $ms if $ms > $longest;
}
print "$answered $longest\n";
1 while <STDIN>;
close($_) for @gates;
waitpid($_, 0) for @children;

sub expect {
	my ($word, $times) = @_;
	for (1 .. $times) {
		my $heard = <$said> // die "a service ended\n";
		die "$heard" if $heard ne "$word\n";
	}
}

# An address has ports for some 28,000 connections.
sub connected {
	my (@pairs, $listener, $at);
	for my $i (0 .. $connections - 1) {
		if ($i % 20000 == 0) {
			socket($listener, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
			my $ip = inet_aton('127.0.0.' . (1 + $i / 20000));
			bind($listener, sockaddr_in(0, $ip)) or die "bind: $!";
			listen($listener, 1024) or die "listen: $!";
			$at = getsockname($listener);
		}
		socket(my $client, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
		connect($client, $at) or die "connect: $!";
		accept(my $server, $listener) or die "accept: $!";
		setsockopt($_, 6, 1, 1) for $client, $server;
		push @pairs, [$client, $server];
	}
	return @pairs;
}

sub one {
	my @pairs = connected();
	my ($answered, $longest, $sent) = (0, 0, 0);
	print "ready\n";
	sysread(STDIN, my $go, 1);
	my $began = now();
	for my $round (1 .. $rounds) {
		for my $pair (@pairs) {
			my ($client, $server) = @$pair;
			my $at = $path;
			$sent++;
			$at =~ s/%d/$sent/g;
			$at =~ s/%w/word($sent)/ge;
			my $request = "GET $at HTTP/1.1\r\nHost: test\r\n\r\n";
			my $response = "HTTP/1.1 200 OK\r\nContent-Length: " . length($at) . "\r\n\r\n$at";
			my $from = now();
			syswrite($client, $request);
			sysread($server, my $heard, 65536);
			syswrite($server, $response);
			sysread($client, my $answer, 65536);
			my $ms = (now() - $from) * 1000;
			$longest = $ms if $ms > $longest;
			$answered++ if $heard eq $request && $answer eq $response;
			my $early = $rate ? $began + $sent / $rate - now() : 0;
			pause($early) if $early > 0.002;
		}
	}
	printf "%d %.1f\n", $answered, $longest;
	1 while sysread(STDIN, my $rest, 1);
	return 0;
}

# Letters alone, so that it is no value but a name.
sub word {
	my ($n) = @_;
	my $word = '';
	do { $word = chr(97 + $n % 26) . $word; $n = int($n / 26) } while $n > 0;
	return $word;
}
