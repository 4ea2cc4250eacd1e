import type { HookChoice } from '@skep/runtime';

/** What nobody who looks at sockets can see, on any kernel. */
const ALWAYS = [
  'TLS: what is encrypted is not looked into',
  'HTTP/2, gRPC and other protocols: left alone',
  'requests of connections that were in the middle of one when the agent began: counted from the next on',
];

/** What cannot be seen with the hooks that were taken, and why. */
export function unseenHere(hooks: readonly HookChoice[]): string[] {
  const some = hooks.flatMap(({ group, taken, without, rungs }) => {
    if (taken === undefined) return [`${group}: ${without ?? 'no hook of it runs here'}`];
    const before = rungs.slice(
      0,
      rungs.findIndex((r) => r.name === taken),
    );
    const better = before.find((r) => r.state === 'refused' || r.state === 'failed');
    const rung = rungs.find((r) => r.name === taken);
    const caveat = rung?.reason === undefined ? [] : [`${group} by ${taken}: ${rung.reason}`];
    return [
      ...caveat,
      ...(better ? [`${group} is watched by ${taken}, not by ${better.name}: ${better.reason}`] : []),
    ];
  });
  return [...some, ...ALWAYS];
}
