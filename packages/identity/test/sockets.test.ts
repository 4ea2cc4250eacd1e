// Listening sockets of real processes, in network namespaces of their own.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { ConnectedTo, Host, Listeners, readProcess } from '../src/index.ts';
import { normalAddress, readAddress } from '../src/sockets/address.ts';
import { readSockets } from '../src/sockets/owners.ts';
import { readConnected, readListening } from '../src/sockets/table.ts';
import { folder, started } from './support/started.ts';

const skip = process.getuid!() !== 0 && 'needs root';
const portOf = (server: Server): number => {
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  return address.port;
};

test('addresses are read as the kernel writes them', () => {
  for (const [hex, text] of [
    ['0100007F', '127.0.0.1'],
    ['00000000', '0.0.0.0'],
    ['00000000000000000000000000000000', '::'],
    ['00000000000000000000000001000000', '::1'],
    ['0000000000000000FFFF00000100007F', '127.0.0.1'],
    ['B80D01200000000067452301EFCDAB89', '2001:db8::123:4567:89ab:cdef'],
    ['12', undefined],
  ] as const) {
    assert.equal(readAddress(hex), text);
  }
  for (const [given, text] of [
    ['::FFFF:10.0.0.1', '10.0.0.1'],
    ['2001:0db8:0:0:0:0:0:1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::', '::'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['10.1.2.3', '10.1.2.3'],
  ] as const) {
    assert.equal(normalAddress(given), text);
  }
});

suite('on this machine', () => {
  test('who is connected to a port is found, and not who serves it', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const idle = await started(t, ['sh', '-c', 'echo ready; exec sleep 60']);
    const host = new Host();
    const [self, other] = [process.pid, idle.pid].map((pid) => {
      const netns = readProcess(host, pid)!.namespaces.net!;
      return { pid, netns };
    });
    const connected = new ConnectedTo(host, [portOf(server)]);
    const among = async () => [...(await connected.among([other!, self!]))];
    assert.deepEqual(await among(), []);
    const client = connect(portOf(server), '127.0.0.1');
    await once(client, 'connect');
    assert.deepEqual(await among(), [process.pid]);
    // What is known is not looked for again; a second one is.
    const second = connect(portOf(server), '::ffff:127.0.0.1');
    await once(second, 'connect');
    client.destroy();
    await once(client, 'close');
    assert.deepEqual(await among(), [process.pid]);
    second.destroy();
    await once(second, 'close');
    assert.deepEqual(await among(), []);
  });

  test('a listener of IPv4, of IPv6 and a Unix socket are found with their process', async (t) => {
    const dir = folder(t);
    const four = createServer().listen(0, '127.0.0.1');
    const six = createServer().listen(0, '::');
    const unix = createServer().listen(join(dir, 's o c k'));
    for (const server of [four, six, unix]) {
      if (!server.listening) await once(server, 'listening');
      t.after(() => server.close());
    }
    const listeners = new Listeners(new Host());
    await listeners.refresh();
    const mine = listeners.of(process.pid).map((l) => `${l.protocol} ${l.address} ${l.port}`);
    for (const line of [
      `tcp 127.0.0.1 ${portOf(four)}`,
      `tcp :: ${portOf(six)}`,
      `unix ${join(dir, 's o c k')} 0`,
    ]) {
      assert.ok(mine.includes(line), `${line} is not in ${mine.join(', ')}`);
    }
    assert.deepEqual(listeners.at('127.0.0.1', portOf(four))?.pids, [process.pid]);
    assert.deepEqual(listeners.at('::ffff:127.0.0.1', portOf(four))?.pids, [process.pid]);
    assert.deepEqual(listeners.at('127.0.0.1', portOf(six))?.pids, [process.pid], '[::] takes IPv4 too');
    assert.deepEqual(listeners.at('::1', portOf(six))?.pids, [process.pid]);
    assert.equal(listeners.at('::1', portOf(four)), undefined);
    assert.deepEqual(listeners.atPath(join(dir, 's o c k'))?.pids, [process.pid]);
    assert.equal(listeners.at('198.51.100.7', portOf(six)), undefined, 'nobody here has this address');
  });

  test('a socket that several processes hold names them all', async (t) => {
    const script = `use IO::Socket::INET; $| = 1; my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
      my $c = fork; print $s->sockport, " $c\\n" if $c; sleep 100000`;
    const { pid, said } = await started(t, ['perl', '-e', script]);
    const [port, other] = said.trim().split(' ').map(Number) as [number, number];
    const listeners = new Listeners(new Host());
    await listeners.refresh();
    assert.deepEqual(
      listeners.at('127.0.0.1', port)?.pids,
      [pid, other].toSorted((a, b) => a - b),
    );
  });

  test('a new listener is found by update, and by refresh; one that is gone is gone', async (t) => {
    const listeners = new Listeners(new Host());
    await listeners.refresh();
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const port = portOf(server);
    assert.equal(listeners.at('127.0.0.1', port), undefined);
    listeners.update(process.pid);
    assert.deepEqual(listeners.at('127.0.0.1', port)?.pids, [process.pid]);
    const second = createServer().listen(0, '127.0.0.1');
    await once(second, 'listening');
    await listeners.refresh();
    assert.deepEqual(listeners.at('127.0.0.1', portOf(second))?.pids, [process.pid]);
    const gone = portOf(second);
    second.close();
    await once(second, 'close');
    await listeners.refresh();
    assert.equal(listeners.at('127.0.0.1', gone), undefined);
  });

  test('connections after the listeners are not read', async (t) => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const sockets = await Promise.all(
      Array.from({ length: 200 }, async () => {
        const socket = connect(portOf(server), '127.0.0.1');
        await once(socket, 'connect');
        return socket;
      }),
    );
    t.after(() => {
      for (const s of sockets) s.destroy();
      server.close();
    });
    const found = readListening(new Host(), process.pid).filter((l) => l.port === portOf(server));
    assert.equal(found.length, 1, 'the listener alone, of 401 sockets with this port');
  });
});

test('of a process with many descriptors the lowest are looked at, by their numbers', async (t) => {
  const script = `use IO::Socket::INET; my @all = (IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1") or die);
    for (1 .. 60) { open(my $copy, "<&", \\*STDIN) or die; push @all, $copy } $| = 1; print "ready\n"; sleep 600`;
  const { pid } = await started(t, ['perl', '-e', script]);
  const { inodes, truncated } = readSockets(new Host(), pid, 20);
  assert.deepEqual([readSockets(new Host(), pid).truncated, truncated], [false, true]);
  const listening = new Set(readListening(new Host(), pid).map((l) => l.inode));
  assert.equal([...inodes].filter((inode) => listening.has(inode)).length, 1);
});

test('the address of another network namespace leads to its listener', { skip }, async (t) => {
  const script = `const s = require('node:net').createServer().listen(8080, '0.0.0.0', () => console.log('ready'))`;
  const setUp = 'ip link set lo up && ip addr add "$0"/32 dev lo && exec "$@"';
  const inside = (address: string) =>
    started(t, ['unshare', '-n', 'sh', '-c', setUp, address, process.execPath, '-e', script]);
  const [a, b, same] = await Promise.all([inside('192.0.2.77'), inside('192.0.2.78'), inside('192.0.2.78')]);
  const host = new Host();
  const listeners = new Listeners(host);
  await listeners.refresh();
  assert.deepEqual(listeners.at('192.0.2.77', 8080)?.pids, [a.pid]);
  assert.equal(listeners.at('192.0.2.77', 8081), undefined);
  assert.equal(listeners.at('192.0.2.78', 8080), undefined, 'two have this address: nothing is said');
  const netns = readProcess(host, b.pid)!.namespaces.net;
  assert.deepEqual(listeners.at('192.0.2.78', 8080, netns)?.pids, [b.pid], 'but from within it is plain');
  assert.deepEqual(listeners.at('127.0.0.1', 8080, netns)?.pids, [b.pid]);
  await same.end();
  await listeners.refresh();
  assert.deepEqual(listeners.at('192.0.2.78', 8080)?.pids, [b.pid]);
});

test('tables that are cut or odd are read as far as they go', (t) => {
  const proc = folder(t);
  mkdirSync(join(proc, '7/net'), { recursive: true });
  const row = (state: string, port: string) =>
    `   0: 0100007F:${port} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 77 1 0\n`;
  writeFileSync(
    join(proc, '7/net/tcp'),
    `heading\n${row('0A', '0050')}${row('01', '0051')}${row('0A', '0052')}`,
  );
  writeFileSync(
    join(proc, '7/net/unix'),
    'heading\n0000: 00000002 00000000 00010000 0001 01 12 @abstract\n0000: 00000002 00000000 00010000 0001 01 13\nrubbish\n',
  );
  assert.deepEqual(readListening(new Host({ proc }), 7), [
    { protocol: 'tcp', address: '127.0.0.1', port: 80, inode: 77 },
    { protocol: 'unix', address: '@abstract', port: 0, inode: 12 },
    { protocol: 'unix', address: '', port: 0, inode: 13 },
  ]);
  assert.deepEqual(readListening(new Host({ proc }), 8), []);
});

test('a connection to a port is found behind many thousand others', async (t) => {
  const proc = folder(t);
  mkdirSync(join(proc, '7/net'), { recursive: true });
  const row = (to: string, state: string, inode: number) =>
    `   0: 0100007F:10DD 0100007F:${to} ${state} 00000000:00000000 00:00000000 00000000  1000        0 ${inode} 1 0\n`;
  const others = row('1F90', '01', 76).repeat(30_000);
  // One that is about to close, one that nobody has open any more, and two that are.
  const ours = [row('10DD', '08', 77), row('10DD', '01', 0), row('10DD', '01', 78), row('10DE', '01', 79)];
  writeFileSync(join(proc, '7/net/tcp'), `heading\n${others}${ours.join('')}`);
  assert.deepEqual(await readConnected(new Host({ proc }), 7, new Set([4317, 4318])), [78, 79]);
  assert.deepEqual(await readConnected(new Host({ proc }), 8, new Set([4317])), []);
});

test('ss agrees', { skip }, async () => {
  const said = execFileSync('ss', ['-Hltn'], {
    encoding: 'utf8',
    env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin:/bin` },
  });
  const theirs = said
    .split('\n')
    .map((l) => Number(/:(\d+)$/.exec(l.split(/\s+/)[3] ?? '')?.[1]))
    .filter((p) => p > 0);
  const ours = new Set(readListening(new Host(), process.pid).map((l) => l.port));
  // Others may open and close sockets meanwhile; those that stand are seen by both.
  const again = new Set(readListening(new Host(), process.pid).map((l) => l.port));
  const missed = theirs.filter((p) => !ours.has(p) && again.has(p));
  assert.deepEqual(missed, []);
});
