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

/** A time and its spread in one unit and to the same digit: "21.2 ± 0.2 ms", "1.30 ± 0.05 s" */
export function spread(milliseconds: number, deviation: number): string {
  const [unit, scale] = milliseconds < 1000 ? ["ms", 1] : ["s", 1000];
  const decimals = Math.max(0, 2 - Math.max(0, Math.floor(Math.log10(milliseconds / scale))));
  return `${(milliseconds / scale).toFixed(decimals)} ± ${(deviation / scale).toFixed(decimals)} ${unit}`;
}

/** "8 s", "2 min 5 s", "1 h 3 min" */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

/** "0.31%"; signed: "+0.31%", "-0.05%" */
export function percentage(fraction: number, signed = false): string {
  const text = (100 * fraction).toFixed(2).replace(/^-(0\.00)$/, "$1");
  return `${signed && !text.startsWith("-") ? "+" : ""}${text}%`;
}
