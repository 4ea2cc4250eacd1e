const pad = (n: number, width = 2): string => String(n).padStart(width, '0');

/** `14:03:59.123`, local time as on the wall, of a span's time. */
export function timeOfDay(time: string): string {
  const date = new Date(time);
  const [h, m, s] = [date.getHours(), date.getMinutes(), date.getSeconds()].map((n) => pad(n));
  return `${h}:${m}:${s}.${pad(date.getMilliseconds(), 3)}`;
}
