// A container's files are the container's: no path in it leads out, blocks, or opens what is not a file.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { findCgroup2, Host } from '../src/host/host.ts';
import { openInside } from '../src/host/inside.ts';
import { Mounts } from '../src/host/mounts.ts';
import { folder, started } from './support/started.ts';

const skip = process.getuid!() !== 0 && 'needs root';

function read(root: string, path: string): string | undefined {
  const fd = openInside(root, path);
  if (fd === undefined) return undefined;
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

suite('a root folder', () => {
  test('is where every path and link ends', (t) => {
    const outer = folder(t, { secret: 'outside', 'root/secret': 'inside', 'root/a/b/file': 'deep' });
    const root = join(outer, 'root');
    const link = (name: string, target: string) => symlinkSync(target, join(root, name));
    link('absolute', '/secret');
    link('up', '../../../../../secret');
    link('out', `${outer}/secret`);
    link('a/b/over', '../../../secret');
    link('folder', '/a/b');
    link('self', 'self');
    link('long', `${'a/../'.repeat(300)}secret`);
    for (const path of [
      'secret',
      '/secret',
      '../secret',
      '/../../secret',
      'a/../../../secret',
      'absolute',
      'up',
      'a/b/over',
      'folder/over',
      './/a/.././secret',
    ]) {
      assert.equal(read(root, path), 'inside', path);
    }
    assert.equal(read(root, 'folder/file'), 'deep');
    for (const path of [
      'out',
      'self',
      'long',
      'nothing',
      'a',
      '',
      '/',
      'secret/x',
      'a\0b',
      'folder/../../secret\0',
    ]) {
      assert.equal(read(root, path), undefined, JSON.stringify(path));
    }
  });

  test('opens no FIFO, device or socket, and leaves no descriptor', async (t) => {
    const root = folder(t, { file: 'x' });
    execFileSync('mkfifo', [join(root, 'fifo')]);
    const server = createServer().listen(join(root, 'socket'));
    t.after(() => server.close());
    if (process.getuid!() === 0) execFileSync('mknod', [join(root, 'null'), 'c', '1', '3']);
    const before = readdirSync('/proc/self/fd').length;
    for (const name of ['fifo', 'socket', 'null', 'file', 'file/', 'absent']) {
      assert.equal(read(root, name), name.startsWith('file') ? 'x' : undefined, name);
    }
    assert.equal(readdirSync('/proc/self/fd').length, before);
  });

  test('of a process in a chroot is its own', {
    skip: process.getuid!() !== 0 && 'needs root',
  }, async (t) => {
    const root = folder(t, { 'etc/name': 'chroot' });
    mkdirSync(join(root, 'bin'));
    writeFileSync(join(root, 'bin/busybox'), readFileSync('/bin/busybox'), { mode: 0o755 });
    symlinkSync('/etc/name', join(root, 'link'));
    symlinkSync('../../../../../etc/hostname', join(root, 'escape'));
    const { pid } = await started(t, ['chroot', root, '/bin/busybox', 'sh', '-c', 'echo ready; read x']);
    const host = new Host();
    assert.equal(host.textSeenBy(pid, '/etc/name'), 'chroot');
    assert.equal(host.textSeenBy(pid, '/link'), 'chroot');
    assert.equal(host.textSeenBy(pid, '/escape'), undefined);
    const fd = host.openExe(pid);
    assert.ok(fd !== undefined, 'its program is read, wherever it is');
    closeSync(fd);
  });

  test('is not read where a process serves the files and never answers', { skip }, async (t) => {
    const dir = folder(t);
    const { pid } = await started(t, ['unshare', '-m', 'perl', '-e', silentFuse(''), dir]);
    assert.equal(textSeenBy(pid, `${dir}/x`), 'undefined asked\n');
  });

  test('is not read of a process whose root is such a file system', { skip }, async (t) => {
    const dir = folder(t);
    const { pid } = await started(t, ['unshare', '-m', 'perl', '-e', silentFuse('chroot($d)'), dir]);
    assert.equal(textSeenBy(pid, '/x/y'), 'undefined asked\n');
  });
});

/** Perl that mounts a folder, serves no more of it than this needs, and is ready then. */
function silentFuse(then: string): string {
  const mount = process.arch === 'x64' ? 165 : 40;
  // struct fuse_in_header and fuse_out_header; FUSE_INIT's answer, and ENOSYS to what is asked besides (FUSE_ACCESS).
  return `$| = 1; my ($s, $d, $t) = ("x", $ARGV[0], "fuse"); open(my $f, "+<", "/dev/fuse") or die "fuse: $!";
    my $o = "fd=" . fileno($f) . ",rootmode=40000,user_id=0,group_id=0";
    syscall(${mount}, $s, $d, $t, 0, $o) == 0 or die "mount: $!";
    pipe(my $r, my $w); my $child = fork();
    if (!$child) {
      close $w; while (sysread($f, my $asked, 135168)) {
        my (undef, $what, $id) = unpack("LLQ", $asked);
        my $answer = $what == 26 ? pack("L4S2L2S2L8", 7, 31, 0, 0, 0, 0, 4096, 1, 0, 0, (0) x 8) : "";
        syswrite($f, pack("LlQ", 16 + length $answer, $what == 26 ? 0 : -38, $id) . $answer);
        last if $what == 34;
      }
      sleep 100000;
    }
    close $r; ${then || '1'} or die "$!"; print "ready\n"; sleep 100000`;
}

/** Asked in a process of its own: one that asks the file system waits until it is killed. */
function textSeenBy(pid: number, path: string): string {
  const host = JSON.stringify(new URL('../src/host/host.ts', import.meta.url).href);
  const ask = `import { Host } from ${host}; console.log(new Host().textSeenBy(${pid}, ${JSON.stringify(path)}), 'asked')`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', ask], {
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).stdout;
}

test('what is known of mounts is asked anew after half a minute, whatever becomes of the clock', (t) => {
  const proc = folder(t, { '7/mountinfo': '', file: 'x' });
  const fd = openSync(join(proc, 'file'), 'r');
  t.after(() => closeSync(fd));
  const id = /^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))![1];
  const mounted = (type: string) =>
    writeFileSync(join(proc, '7/mountinfo'), `${id} 1 0:1 / /x rw - ${type} x rw\n`);
  let now = 100_000;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['Date'], now: 1_000_000_000 });
  const mounts = new Mounts(proc);
  mounted('ext4');
  assert.equal(mounts.isLocal(fd, 7), true);
  // The id is given anew, to one that waits for somebody.
  mounted('fuse.sshfs');
  assert.equal(mounts.isLocal(fd, 7), true);
  t.mock.timers.setTime(900_000_000);
  now += 31_000;
  assert.equal(mounts.isLocal(fd, 7), false);
});

test('cgroup v2 is found where it is mounted, the whole tree before a part', () => {
  const line = (root: string, at: string, type: string) =>
    `30 24 0:26 ${root} ${at} rw shared:4 - ${type} cgroup2 rw`;
  assert.equal(findCgroup2(line('/', '/sys/fs/cgroup', 'cgroup2')), '/sys/fs/cgroup');
  const both = [line('/kubepods/x', '/sys/fs/cgroup', 'cgroup2'), line('/', '/host/cgroup', 'cgroup2')];
  assert.equal(findCgroup2(both.join('\n')), '/host/cgroup');
  assert.equal(findCgroup2(line('/', '/sys/fs/cgroup/memory', 'cgroup')), undefined);
});
