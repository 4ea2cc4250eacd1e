import { MALLOC } from '../agent/small.ts';
import type { Needs } from './needs.ts';

export interface UnitOptions {
  /** What `skep generate systemd` was given, for the unit's first line. */
  readonly of: string;
  readonly description: string;
  /** The command: an absolute path and its words. */
  readonly command: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** A folder of its own in /run, for a socket. */
  readonly runtimeDirectory?: string;
  /** What a reload does, in a sentence or two. */
  readonly reload: string;
  /** It gives up its rights once it is attached. */
  readonly confined: boolean;
}

/** `skep run` as a service. */
export interface ProbeUnit {
  /** As `skep run` names it. */
  readonly program: string;
  readonly description: string;
  /** The command: an absolute path, and words before `run`. */
  readonly skep: readonly string[];
  /** The store that has the image. */
  readonly storage: string;
  /** What may be loaded, where it is not the machine's own file that says so. */
  readonly policy?: string;
  /** `127.0.0.1:9435`; none when undefined. */
  readonly listen?: string;
  /** Further words for `skep run`. */
  readonly words: readonly string[];
}

/** The unit of a probe: it has as few rights as the probe's hooks need, and gives up the rest itself. */
export function probeUnit(o: ProbeUnit, needs: Needs): string {
  const metrics = o.listen === undefined ? ['--no-prom'] : ['--prom-listen', o.listen];
  const command = [...o.skep, 'run', o.program, '--pull', 'never', '-o', 'json', ...metrics, ...o.words];
  return systemdUnit(
    {
      of: o.program,
      description: o.description,
      command,
      environment: {
        SKEP_STORAGE: o.storage,
        ...(o.policy !== undefined && { SKEP_POLICY: o.policy }),
      },
      confined: true,
      reload:
        'Ready when the probe is attached. Attached, it has no right left to load anything, so a reload is a new start: SIGHUP ends it in\n' +
        '# order, and systemd starts it with the image and the policy of now.',
    },
    needs,
  );
}

/** The unit of the node agent. `skep`: the command, an absolute path and words before `agent`. */
export function agentUnit(
  { skep, listen, words }: Pick<ProbeUnit, 'skep' | 'listen' | 'words'>,
  needs: Needs,
): string {
  const metrics = listen === undefined ? [] : ['--prom-listen', listen];
  const socket = ['--socket', '/run/skep/agent.sock'];
  return systemdUnit(
    {
      of: '--agent',
      description: 'metrics and traces of every service on this machine',
      command: [...skep, 'agent', '--no-tty', ...socket, ...metrics, ...words],
      environment: MALLOC,
      confined: false,
      runtimeDirectory: 'skep',
      reload:
        'Ready when it counts. A reload is a new start, with the settings of now: SIGHUP ends it in order. Counts begin at zero then, as\n' +
        '# counters in Prometheus may.',
    },
    needs,
  );
}

/**
 * A unit that runs as a user of its own.
 *
 * Sources: systemd.exec(5), systemd.service(5)
 */
export function systemdUnit(o: UnitOptions, needs: Needs): string {
  const caps = needs.capabilities.join(' ');
  const admin = needs.capabilities.includes('CAP_SYS_ADMIN')
    ? `# CAP_SYS_ADMIN since kernel.perf_event_paranoid is above 2 here, where some kernels ask for it to attach tracepoints and kprobes; with
# sysctl kernel.perf_event_paranoid=2 it can go.${o.confined ? ' Attached, the process gives it up.' : ''}
`
    : '';
  const environment = Object.entries(o.environment ?? {})
    .map(([name, value]) => `Environment=${inQuotes(`${name}=${value}`)}\n`)
    .join('');
  const runtime = o.runtimeDirectory === undefined ? '' : `RuntimeDirectory=${o.runtimeDirectory}\n`;
  const families = `AF_UNIX AF_INET AF_INET6${needs.netlink ? ' AF_NETLINK' : ''}`;
  return `# Written by skep generate systemd ${o.of}
# Put it into /etc/systemd/system, then: systemctl daemon-reload && systemctl enable --now NAME

[Unit]
Description=skep: ${described(o.description)}
Wants=network-online.target sys-kernel-tracing.mount
After=network-online.target sys-kernel-tracing.mount

[Service]
# ${o.reload}
Type=notify
NotifyAccess=main
ExecStart=${o.command.map(quoted).join(' ')}
ExecReload=/bin/kill -HUP $MAINPID
${environment}${runtime}Restart=always
RestartSec=5
TimeoutStartSec=60
LimitMEMLOCK=infinity

# Nobody's files, no terminal, nothing to write but the journal.
DynamicUser=yes
${admin}CapabilityBoundingSet=${caps}
AmbientCapabilities=${caps}
NoNewPrivileges=yes
UMask=0077
ProtectSystem=strict
ProtectHome=read-only
PrivateTmp=yes
${temporary(o)}PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
RestrictAddressFamilies=${families}
SystemCallArchitectures=native
SystemCallFilter=@system-service bpf perf_event_open seccomp
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
`;
}

/** An image's text, in one line that does not go on in the next: a line of a unit does after a backslash. */
function described(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .replace(/[\\ ]+$/, '')
    .replaceAll('%', '%%');
}

/** What the service needs of the machine's /tmp, of which it has one of its own: it would start, and find no store. */
function temporary({ command, environment = {} }: UnitOptions): string {
  const paths = [...command, ...Object.values(environment)]
    .filter((word) => /^(\/var)?\/tmp\/./.test(word))
    .map((path) => path.replace(/\/(packages\/cli\/)?dist\/main\.js$/, ''));
  if (paths.length === 0) return '';
  return `# A service has a /tmp of its own. These are in the machine's, and gone when that is emptied, as it may be at each start.
BindReadOnlyPaths=${[...new Set(paths)].map((path) => inQuotes(path, /^[\w@%+=,./-]+$/)).join(' ')}
`;
}

/** A word of a command line in a unit, where a dollar stands for a variable. */
function quoted(word: string): string {
  return inQuotes(word).replaceAll('$', '$$$$');
}

/** @param bare what needs no quotes; in a list of paths, a colon does, since a second path would follow it */
function inQuotes(word: string, bare = /^[\w@%+=:,./-]+$/): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('\n', '\\n')
    .replaceAll('%', '%%');
  return bare.test(word) ? escaped : `"${escaped}"`;
}
