/** Milliseconds of CPU that `run` takes: unlike the clock, the same on a machine that others keep busy. */
export function cpuMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
