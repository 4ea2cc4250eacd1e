const steps: [limit: number, seconds: number, name: string][] = [
  [60, 1, 'second'],
  [3600, 60, 'minute'],
  [48 * 3600, 3600, 'hour'],
  [14 * 86400, 86400, 'day'],
  [60 * 86400, 7 * 86400, 'week'],
  [730 * 86400, 30 * 86400, 'month'],
  [Number.POSITIVE_INFINITY, 365 * 86400, 'year'],
];

/** How long ago, as docker says it: "Less than a second ago", "5 minutes ago", "3 weeks ago". */
export function humanAge(then: Date | undefined, now: Date = new Date()): string {
  if (!then) return 'N/A';
  const seconds = Math.floor((now.getTime() - then.getTime()) / 1000);
  if (seconds < 1) return 'Less than a second ago';
  for (const [limit, unit, name] of steps) {
    if (seconds >= limit) continue;
    const n = Math.floor(seconds / unit);
    return `${n} ${name}${n === 1 ? '' : 's'} ago`;
  }
  return 'N/A';
}
