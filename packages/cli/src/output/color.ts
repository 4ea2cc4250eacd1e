const codes = { red: 31, green: 32, yellow: 33, cyan: 36, dim: 2, bold: 1 } as const;

export type Color = keyof typeof codes;

/** Whether a stream gets colour: NO_COLOR and TERM=dumb win over a terminal, FORCE_COLOR over a pipe. */
export function useColor(stream: { isTTY?: boolean }): boolean {
  const { NO_COLOR, FORCE_COLOR } = process.env;
  if (NO_COLOR) return false;
  if (FORCE_COLOR && FORCE_COLOR !== '0') return true;
  return canDraw(stream);
}

/** Whether a stream is a terminal that can be drawn on: one that calls itself dumb (a shell in Emacs, a log) shows escapes as they are. */
export function canDraw(stream: { isTTY?: boolean }): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb';
}

/** `text` in a colour, or as it is. */
export function paint(color: Color, text: string, on: boolean): string {
  return on ? `\x1b[${codes[color]}m${text}\x1b[0m` : text;
}
