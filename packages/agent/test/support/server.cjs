// An HTTP server on a free port of loopback: prints the port, then counts what it answers; "count" on stdin asks for it.
const { createServer } = require('node:http');

let count = 0;
const server = createServer((request, response) => {
  count++;
  const { pathname } = new URL(request.url, 'http://here');
  request.resume().on('end', () => {
    if (pathname.startsWith('/hang')) return;
    if (pathname.startsWith('/drop')) return request.socket.destroy();
    const status = /^\/status\/(\d+)/.exec(pathname)?.[1];
    response.statusCode = status ? Number(status) : 200;
    const delay = Number(/^\/wait\/(\d+)/.exec(pathname)?.[1] ?? 0);
    setTimeout(() => response.end(`${request.method} ${pathname}`), delay);
  });
});
server.keepAliveTimeout = 60_000;
server.listen(Number(process.argv[2] ?? 0), '127.0.0.1', () => console.log(server.address().port));
process.stdin.on('data', () => console.log(count));
