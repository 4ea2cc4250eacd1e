/** What a registry asks for in WWW-Authenticate. */
export interface Challenge {
  /** Lower case: `bearer`, `basic`. */
  scheme: string;
  params: Record<string, string>;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;

/** All challenges of a WWW-Authenticate header: https://www.rfc-editor.org/rfc/rfc9110#name-authentication-parameters. Junk ends the reading. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let rest = header;
  const take = (pattern: RegExp): string | undefined => {
    const m = pattern.exec(rest);
    if (m === null) return undefined;
    rest = rest.slice(m[0].length);
    return m[1] ?? m[0];
  };
  let current: Challenge | undefined;
  for (;;) {
    take(/^[\s,]+/);
    const name = take(TOKEN);
    if (name === undefined) return challenges;
    if (take(/^\s*=\s*/) === undefined) {
      current = { scheme: name.toLowerCase(), params: Object.create(null) as Record<string, string> };
      challenges.push(current);
      continue;
    }
    const quoted = take(/^"((?:[^"\\]|\\.)*)"/);
    const value = quoted === undefined ? take(TOKEN) : quoted.replace(/\\(.)/g, '$1');
    if (value === undefined || current === undefined) return challenges;
    current.params[name.toLowerCase()] = value;
  }
}
