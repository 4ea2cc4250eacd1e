# waiting.pl COUNT PATH STATUS: so many clients wait in read() for their answers at once; when all of their requests have
# come, each is answered, and it says so. Server and clients are processes, as blocking as can be.
use strict;
use warnings;
use Socket;

my ($count, $path, $status) = @ARGV;
socket(my $listener, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
bind($listener, sockaddr_in(0, INADDR_LOOPBACK)) && listen($listener, $count) or die "listen: $!";
my $address = getsockname($listener);
my @clients;
for (1 .. $count) {
	my $pid = fork // die "fork: $!";
	if (!$pid) {
		socket(my $client, AF_INET, SOCK_STREAM, 0) or die "socket: $!";
		connect($client, $address) or die "connect: $!";
		syswrite($client, "GET $path HTTP/1.1\r\n\r\n");
		sysread($client, my $answer, 1024) or die "read: $!";
		exit;
	}
	push @clients, $pid;
}
my @connections;
for (1 .. $count) {
	accept(my $connection, $listener) or die "accept: $!";
	sysread($connection, my $request, 1024) or die "read: $!";
	push @connections, $connection;
}
# A client that sleeps waits for its answer: it has nothing else to wait for.
for my $pid (@clients) {
	for (;;) {
		open(my $stat, '<', "/proc/$pid/stat") or die "stat: $!";
		last if <$stat> =~ /\) S /;
	}
}
syswrite($_, "HTTP/1.1 $status X\r\nContent-Length: 2\r\n\r\nok") for @connections;
for (@clients) {
	die 'a client failed' if wait < 0 || $?;
}
print "answered\n";
