/** Structs of 32-bit words, which WGSL declares and the host fills by name. */

/** A field of such a struct. */
export interface Field {
  readonly name: string;
  readonly type: string;
}

const parsed = new Map<string, readonly Field[]>();

/**
 * The fields of the struct of that name in a text, in order; none where the text has no such struct. Throws an Error for a field that is
 * no number of 32 bits.
 */
export function fieldsOf(code: string, struct: string): readonly Field[] {
  const body = code.match(new RegExp(`struct ${struct} \\{([^}]*)\\}`))?.[1] ?? "";
  let fields = parsed.get(body);
  if (!fields) parsed.set(body, fields = parse(body));
  return fields;
}

function parse(body: string): Field[] {
  const declarations = body.replaceAll(/\/\/.*/g, "").split(",").map((text) => text.trim()).filter(Boolean);
  return declarations.map((text) => {
    const [, name, type] = text.match(/^(\w+): (u32|f32)$/) ?? [];
    if (!name) throw new Error(`"${text}" is no field of 32 bits: declare it as NAME: u32 or NAME: f32`);
    return { name, type };
  });
}

/**
 * Puts values into the words of a struct, in the order of its fields, and returns these. Throws an Error for a field without a value and for a value without a
 * field.
 */
export function packFields(
  fields: readonly Field[],
  values: Readonly<Record<string, number>>,
  words: Uint32Array<ArrayBuffer>,
): Uint32Array<ArrayBuffer> {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length);
  for (const [i, { name, type }] of fields.entries()) {
    if (!(name in values)) throw new Error(`Field ${name} has no value`);
    (type === "f32" ? floats : words)[i] = values[name];
  }
  const names = Object.keys(values);
  if (names.length === fields.length) return words;
  throw new Error(`There is no field ${names.find((name) => fields.every((field) => field.name !== name))}`);
}
