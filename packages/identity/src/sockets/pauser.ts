/** A wait that is none, but for every few milliseconds. */
export function pauser(): () => Promise<void> {
  let started = performance.now();
  return async () => {
    if (performance.now() - started < 5) return;
    await new Promise((resolve) => setImmediate(resolve));
    started = performance.now();
  };
}
