import prettyBytes from "pretty-bytes";

/** "2.62 MiB" */
export const bytes = (count: number) => prettyBytes(count, { binary: true });

/** Bytes that there are beside more that are wanted: "1 GiB", or "512 KiB less" where both would read alike. */
export const bytesLess = (wanted: number, most: number): string =>
  bytes(wanted) === bytes(most) ? `${bytes(wanted - most)} less` : bytes(most);

/** "0.25×" */
export const ratio = (value: number) => `${value.toFixed(2)}×`;

/** Three significant digits with the thousands separated: "0.123", "12.3", "12,300" */
export function number(value: number): string {
  return value.toLocaleString("en-US", {
    maximumSignificantDigits: Math.max(3, Math.trunc(value).toString().length),
  });
}

/** A time and, where there is one, its spread in one unit and to the same digit: "21.2 ± 0.2 ms", "1.30 ± 0.05 s", "74.5 s" */
export function spread(milliseconds: number, deviation: number | null): string {
  const [unit, scale] = milliseconds < 1000 ? ["ms", 1] : ["s", 1000];
  const decimals = Math.max(0, 2 - Math.max(0, Math.floor(Math.log10(milliseconds / scale))));
  const digits = (time: number) => (time / scale).toFixed(decimals);
  return `${digits(milliseconds)}${deviation === null ? "" : ` ± ${digits(deviation)}`} ${unit}`;
}

/** "8 s", "2 min 5 s", "1 h 3 min" */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor(whole % 3600 / 60)} min`;
}

/** "0.31%"; signed: "+0.31%", "-0.05%" */
export function percentage(fraction: number, withSign = false): string {
  const text = signed(100 * fraction, 2);
  return `${withSign ? text : text.replace("+", "")}%`;
}

/** "0.31%", "0.00%"; what there is, but rounds to nothing, is told: "2.5e-7". */
export const rarePercentage = (fraction: number): string =>
  fraction > 0 && fraction < 5e-5 ? fraction.toExponential(1) : percentage(fraction);

/** A bound to so many decimals, rounded up, so that it holds; what these hold but for the noise of f64 stays. */
export const roundedUp = (value: number, decimals: number): number =>
  Math.ceil(value * 10 ** decimals - 1e-6) / 10 ** decimals;

/** A bound as a percentage: "0.01%" of 0.000016 */
export const percentageAtMost = (fraction: number, withSign = false): string =>
  percentage(roundedUp(fraction, 4), withSign);

/** A bound in two digits: "9.4e-6" of 9.32e-6 */
export function exponentialAtMost(value: number): string {
  if (!(value > 0)) return value.toExponential(1);
  const scale = 10 ** Math.floor(Math.log10(value));
  return (roundedUp(value / scale, 1) * scale).toExponential(1);
}

/** "99%" */
export function wholePercentage(fraction: number): string {
  return `${Math.round(100 * fraction)}%`;
}

/** "+0.0031", "-0.0005" */
export function signed(value: number, decimals = 4): string {
  const text = value.toFixed(decimals).replace(/^-(0\.0*)$/, "$1");
  return text.startsWith("-") ? text : `+${text}`;
}

/** Decimals that show two figures of what numbers scatter by: four, or more where that is little. */
export function decimalsFor(scatter: number): number {
  return scatter > 0 ? Math.min(8, Math.max(4, 1 - Math.floor(Math.log10(scatter)))) : 4;
}

/** "3 steps", "1 step" */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A list in markdown whose entries begin with a bold name. */
export function namedList(entries: readonly (readonly [name: string, text: string])[]): string {
  return entries.map(([name, text]) => `- **${name}**: ${text}`).join("\n");
}

/** With a capital at its beginning. */
export const sentenceCase = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

/** A text that may hold any bytes as it can be shown: control characters as their pictures, but for line ends and tabs. */
export const withControlsShown = (text: string): string =>
  text.replace(/\p{Cc}/gu, (character) => {
    const code = character.charCodeAt(0);
    if (character === "\n" || character === "\t") return character;
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : code === 0x7f ? "\u2421" : "\ufffd";
  });
