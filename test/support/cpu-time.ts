/** Milliseconds of CPU that `run` takes: unlike the clock, the same on a machine that others keep busy. */
export function cpuMs(run: () => void): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/** Keeps a processor busy for so many milliseconds of its time, however long a busy machine takes for them. */
export function burn(ms: number): void {
  const began = process.cpuUsage();
  for (;;) {
    const { user, system } = process.cpuUsage(began);
    if (user + system >= ms * 1000) return;
  }
}
