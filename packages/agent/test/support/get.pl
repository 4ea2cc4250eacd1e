# One GET of a path as it stands, from a process that lives for milliseconds: get.pl PORT PATH [HEADER…]. Prints the answer's body.
use Socket;
my ($port, $path, @headers) = @ARGV;
socket(my $s, PF_INET, SOCK_STREAM, 6) or die "socket: $!";
connect($s, pack_sockaddr_in($port, inet_aton("127.0.0.1"))) or die "connect: $!";
syswrite($s, join("", map { "$_\r\n" } "GET $path HTTP/1.1", "Host: here", "Connection: close", @headers, "")) or die "write: $!";
my $answer = "";
1 while sysread($s, $answer, 65536, length $answer);
$answer =~ s/.*?\r\n\r\n//s;
print $answer;
