/** Waits for something and counts how often the event loop turned meanwhile: not at all if it was blocked. */
export async function turnsDuring<T>(work: Promise<T>): Promise<{ turns: number; result: T }> {
  let turns = 0;
  let done = false;
  const turn = () => {
    turns++;
    if (!done) setImmediate(turn);
  };
  turn();
  try {
    const result = await work;
    return { turns, result };
  } finally {
    done = true;
  }
}
