/** Waits until something is so that tells nobody when it changes; fails after twenty seconds with what it was last. */
export async function until<T>(look: () => Promise<T> | T, right: (value: T) => boolean): Promise<T> {
  const end = performance.now() + 20_000;
  for (;;) {
    const value = await look();
    if (right(value)) return value;
    if (performance.now() > end) throw new Error(`it stayed ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
