/** Markdown as it is printed: fitted to the terminal, or as it is where stdout is none. */
export const printable = (markdown: string): string =>
  Deno.stdout.isTerminal() ? forTerminal(markdown, Deno.consoleSize().columns) : markdown;

/** Columns that a line may have: the terminal's, or a hundred where stdout is none. */
export const lineWidth = (): number => Deno.stdout.isTerminal() ? Deno.consoleSize().columns : 100;

/**
 * A section's text for a terminal of so many columns: tables without markup, broken by model and then by column where they are too wide;
 * prose wrapped; definitions left to the report.
 */
export function forTerminal(markdown: string, width: number): string {
  return markdown.split("\n\n").filter((block) => !isDefinitions(block))
    .map((block) => block.startsWith("|") ? tableText(block, width) : wrapped(plain(block), width))
    .join("\n\n");
}

const isDefinitions = (block: string) =>
  block.split("\n").every((line) => line.startsWith("- **") && line.includes("**: "));

const plain = (text: string) => text.replaceAll("**", "").replaceAll("`", "");

/** Lines of at most `width` columns, as far as words allow; what follows a bullet is indented. */
function wrapped(text: string, width: number): string {
  return text.split("\n").map((line) => {
    const indent = line.startsWith("- ") ? "  " : "";
    return line.split(" ").reduce((done, word) => {
      const last = done.slice(done.lastIndexOf("\n") + 1);
      return last.length + 1 + word.length > width ? `${done}\n${indent}${word}` : `${done} ${word}`;
    });
  }).join("\n");
}

type Grid = { header: string[]; right: boolean[]; rows: string[][] };

function tableText(block: string, width: number): string {
  const grid = parsed(block);
  if (widthOf(grid) <= width) return drawn(grid);
  return byModel(grid).flatMap(({ title, part }) => [
    ...title ? [title] : [],
    ...byColumns(part, width).map(drawn),
  ]).join("\n\n");
}

function parsed(block: string): Grid {
  const [header, marks, ...rows] = block.split("\n").map((line) =>
    line.split(/(?<!\\)\|/).slice(1, -1).map((text) => plain(text.trim().replaceAll("\\|", "|")))
  );
  return { header, right: marks.map((mark) => mark.endsWith(":")), rows };
}

/** A grid for each model and size, which its title then names; the grid itself where its columns do not begin with them. */
function byModel({ header, right, rows }: Grid): { title: string | null; part: Grid }[] {
  if (header[0] !== "model" || header[1] !== "tokens") {
    return [{ title: null, part: { header, right, rows } }];
  }
  let title = "";
  const titled = rows.map((row) => {
    if (row[0]) title = `${row[0]}, ${row[1]}`;
    return { title, row: row.slice(2) };
  });
  return [...Map.groupBy(titled, (one) => one.title)].map(([title, of]) => ({
    title,
    part: { header: header.slice(2), right: right.slice(2), rows: of.map(({ row }) => row) },
  }));
}

/** Grids that fit, each of which repeats the columns of names: all that are words, or the first of these where all would leave no room. */
function byColumns(grid: Grid, width: number): Grid[] {
  const columns = grid.header.map((_, i) => i);
  const words = columns.filter((i) => !grid.right[i]);
  const names = words.length < columns.length && widthOf(only(grid, words)) <= 2 * width / 3
    ? words
    : columns.filter((i) => i === (words[0] ?? 0));
  const parts: number[][] = [];
  for (const column of columns.filter((i) => !names.includes(i))) {
    const last = parts.at(-1);
    if (last && widthOf(only(grid, [...last, column])) <= width) last.push(column);
    else parts.push([...names, column]);
  }
  return parts.map((columns) => only(grid, columns));
}

const only = ({ header, right, rows }: Grid, columns: number[]): Grid => ({
  header: columns.map((i) => header[i]),
  right: columns.map((i) => right[i]),
  rows: rows.map((row) => columns.map((i) => row[i])),
});

const widthsOf = ({ header, rows }: Grid) =>
  header.map((_, i) => Math.max(...[header, ...rows].map((row) => row[i].length)));

const between = 2;

const widthOf = (grid: Grid) => widthsOf(grid).reduce((sum, width) => sum + width + between, -between);

function drawn(grid: Grid): string {
  const widths = widthsOf(grid);
  const line = (row: string[]) =>
    row.map((text, i) => grid.right[i] ? text.padStart(widths[i]) : text.padEnd(widths[i]))
      .join(" ".repeat(between)).trimEnd();
  return [line(grid.header), line(widths.map((width) => "─".repeat(width))), ...grid.rows.map(line)].join(
    "\n",
  );
}
