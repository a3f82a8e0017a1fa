import { assertEquals } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { OutOfMemoryError } from "../../src/gpu/errors.ts";
import { escaped, explain } from "./explain.ts";

Deno.test("explain() tells what can be mended in one line, and calls the rest a bug", () => {
  const bug = "This is a bug in Headroom; set HEADROOM_DEBUG=1 to see where it happened";
  const before = Deno.env.get("HEADROOM_DEBUG");
  Deno.env.delete("HEADROOM_DEBUG");
  try {
    assertEquals(explain(new UserError("Mend it")), { lines: ["Error: Mend it"], code: 1 });
    assertEquals(explain(new OutOfMemoryError("buffer", 2 ** 31)), {
      lines: [
        "Error: The device cannot give 2 GiB: take a smaller --batch, --sequence or model, or a --policy that stores less",
      ],
      code: 1,
    });
    assertEquals(explain(new OutOfMemoryError("buffers", 2 ** 31, 2 ** 30)).lines, [
      "Error: The device cannot give 2 GiB, there is room for 1 GiB: take a smaller --batch, --sequence or model, or a --policy that stores less",
    ]);
    assertEquals(explain(new RangeError("x")), { lines: ["Error: x", bug], code: 1 });
    assertEquals(explain("x"), { lines: ["Error: x"], code: 1 });
    assertEquals(explain(new Deno.errors.BrokenPipe()), { lines: [], code: 141 });
    Deno.env.set("HEADROOM_DEBUG", "1");
    assertEquals(explain(new RangeError("x")).lines[1], "RangeError: x");
  } finally {
    if (before === undefined) Deno.env.delete("HEADROOM_DEBUG");
    else Deno.env.set("HEADROOM_DEBUG", before);
  }
});

Deno.test("escaped() shows the codes of what a terminal takes for more than a character, colours apart", () => {
  assertEquals(escaped("größe 模 \x1b[1;31mred\x1b[0m"), "größe 模 \x1b[1;31mred\x1b[0m");
  assertEquals(escaped("a\nb\x1b[2J\u202Ec\x9b"), "a\\u{a}b\\u{1b}[2J\\u{202e}c\\u{9b}");
});
