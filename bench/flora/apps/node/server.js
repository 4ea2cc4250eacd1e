'use strict';
// The server of apps/go/handler, in Node. Bare, it loads nothing but Node; what watches it is loaded by --require.
const http = require('node:http');
const { createHash, randomBytes, randomInt } = require('node:crypto');
const { gzip } = require('node:zlib');

const ROUNDS = 32;
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
let answered = 0;

function word(n) {
  let text = '';
  for (let i = 0; i < n; i++) text += LETTERS[Math.floor(Math.random() * 26)];
  return text;
}

function work(objects, tasks) {
  const made = [];
  for (let i = 0; i < objects; i++) {
    const tags = [word(6), word(6)];
    made.push({
      id: randomInt(2 ** 32),
      name: word(12),
      price: Math.random() * 100,
      tags,
      active: i % 2 === 0,
    });
  }
  let sum = randomBytes(32);
  for (let i = 0; i < tasks * ROUNDS; i++) sum = createHash('sha256').update(sum).digest();
  return { objects: made, sum: sum.toString('hex') };
}

function number(query, name, most) {
  const n = Number(query.get(name));
  return Number.isInteger(n) && n > 0 ? Math.min(n, most) : 0;
}

function api(query, response) {
  const body = JSON.stringify(work(number(query, 'objects', 10000), number(query, 'tasks', 10000)));
  answered++;
  const headers = { 'Content-Type': 'application/json' };
  if (!number(query, 'gzip', 1)) {
    response.writeHead(200, { ...headers, 'Content-Length': Buffer.byteLength(body) }).end(body);
    return;
  }
  gzip(body, (error, bytes) => {
    if (error) response.writeHead(500).end(error.message);
    else
      response
        .writeHead(200, { ...headers, 'Content-Encoding': 'gzip', 'Content-Length': bytes.length })
        .end(bytes);
  });
}

function metrics() {
  const { user, system } = process.cpuUsage();
  return (
    `# TYPE app_requests_total counter\napp_requests_total ${answered}\n` +
    `# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total ${(user + system) / 1e6}\n` +
    `# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes ${process.memoryUsage().rss}\n`
  );
}

// The counters are asked for on a port of their own, by a process message: no request, and nothing that is instrumented.
const server = http.createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://local');
  if (pathname === '/api') api(searchParams, response);
  else response.writeHead(404).end();
});
server.keepAliveTimeout = 120_000;
const [host, port] = (process.env.ADDRESS ?? '127.0.0.1:8080').split(':');
server.listen(Number(port), host);

const [controlHost, controlPort] = (process.env.CONTROL ?? '127.0.0.1:8081').split(':');
require('node:net')
  .createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.once('data', (head) => {
      const text = head.toString().startsWith('GET /metrics')
        ? metrics()
        : JSON.stringify({ answered, runtime: process.version });
      socket.end(
        `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: ${text.length}\r\n\r\n${text}`,
      );
    });
  })
  .listen(Number(controlPort), controlHost);

process.once('SIGTERM', () => {
  server.close(() => process.exit(0));
  server.closeAllConnections();
});
