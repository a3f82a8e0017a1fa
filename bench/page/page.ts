import { plural } from "../../src/text/format.ts";
import { policyStyles } from "../report/policy_style.ts";
import html from "./page.html" with { type: "text" };
import script from "./page.js" with { type: "text" };
import style from "./page.css" with { type: "text" };
import { pointsOf, quantities, type Source } from "./points.ts";

/**
 * One HTML file that shows every cell of some reports, with all that it needs inside: a table to sort and to filter, a chart whose axes can
 * be chosen, and the records. Names come from users, so nothing of the data can become markup or a program: the data are JSON without
 * "<", and the browser is told to run the page's own scripts alone.
 */
export async function renderPage(sources: readonly Source[]): Promise<string> {
  const { points, records } = pointsOf(sources);
  const styles = policyStyles(new Map(sources.flatMap(({ policies }) => [...policies])));
  const data = {
    points,
    records,
    quantities: quantities.map(({ field, title, decimals }) => ({ field, title, decimals })),
    styles: Object.fromEntries(styles),
  };
  const scripts = {
    vega: await libraryText("vega", "vega.min.js"),
    vegaLite: await libraryText("vega-lite", "vega-lite.min.js"),
    script,
  };
  const hashes = await Promise.all(Object.values(scripts).map(hashOf));
  const texts: Record<string, string> = {
    ...scripts,
    style,
    data: JSON.stringify(data).replaceAll("<", "\\u003c"),
    title: `${plural(points.length, "cell")} of ${plural(sources.length, "report")}`,
    policy: [
      "default-src 'none'",
      "style-src 'unsafe-inline'",
      `script-src 'unsafe-eval' ${hashes.join(" ")}`, // Vega compiles its expressions
    ].join("; "),
  };
  return html.replace(/\s*\/\*\{(\w+)\}\*\/\s*|\{(\w+)\}/g, (_, one, other) => texts[one ?? other]);
}

/** A file beside the module that a package's name stands for. */
const libraryText = async (name: string, file: string) =>
  await Deno.readTextFile(new URL(file, import.meta.resolve(name)));

/** What a policy of a page's content calls a script. */
async function hashOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return `'sha256-${new Uint8Array(digest).toBase64()}'`;
}
