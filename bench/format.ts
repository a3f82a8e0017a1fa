import prettyBytes from "pretty-bytes";

/** "2.62 MiB" */
export const bytes = (count: number) => prettyBytes(count, { binary: true });

/** "0.25×" */
export const ratio = (value: number) => `${value.toFixed(2)}×`;

/** Three significant digits with the thousands separated: "0.123", "12.3", "12,300" */
export function number(value: number): string {
  return value.toLocaleString("en-US", {
    maximumSignificantDigits: Math.max(3, Math.trunc(value).toString().length),
  });
}

/** "9.1 ms", "1.30 s" */
export function milliseconds(value: number): string {
  return value < 1000 ? `${number(value)} ms` : `${(value / 1000).toPrecision(3)} s`;
}

/** "8 s", "2 min 5 s", "1 h 3 min" */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

/** "+0.31%", "-0.05%" */
export function percentage(fraction: number, signed = false): string {
  return `${signed && fraction >= 0 ? "+" : ""}${(100 * fraction).toFixed(2)}%`;
}
