import { assertEquals } from "@std/assert";
import { withPrograms } from "../testing/programs.ts";
import { cardMemories, type CardMemory, driverBytesInUse, freeOfCard } from "./card_memory.ts";

const MiB = 2 ** 20;

/** What a reader finds where such a driver answers the one question that is asked. */
async function where<T>(answer: string, read: () => Promise<T>): Promise<T> {
  const script = `case "$1" in --query-gpu=memory.used,memory.free,name) ${answer} ;; *) exit 2 ;; esac`;
  let found: T;
  await withPrograms({ "nvidia-smi": script }, async () => void (found = await read()));
  return found!;
}

const lines = (...all: string[]) => all.map((line) => `echo '${line}'`).join("; ") || ":";

const unix = { ignore: Deno.build.os === "windows" };

Deno.test("cardMemories() tells every card, and nothing of what is no list of them", unix, async () => {
  const cards: CardMemory[] = [
    { name: "Imaginary 9000, large", used: 3 * MiB, free: 7 * MiB },
    { name: "Imaginary 100", used: null, free: 9 * MiB },
  ];
  const told = lines("3, 7, Imaginary 9000, large", "[N/A], 9, Imaginary 100");
  assertEquals(await where(told, cardMemories), cards);
  for (const answer of [":", lines("No devices were found"), `${lines("3, 7, Imaginary")}; exit 9`]) {
    assertEquals(await where(answer, cardMemories), null, answer);
  }
});

Deno.test(
  "freeOfCard() tells what is free on the emptiest card of that name, and nothing where the driver does not",
  unix,
  async () => {
    const free = (...cards: string[]) => where(lines(...cards), () => freeOfCard("Imaginary 9000"));
    assertEquals(await free("1, 80000, Imaginary 100", "1, 7, Imaginary 9000"), 7 * MiB);
    assertEquals(await free("1, 7, Imaginary 9000", "1, 9, Imaginary 9000"), 9 * MiB);
    assertEquals(await free("1, 80000, Imaginary 100"), null);
    assertEquals(await free("1, [N/A], Imaginary 9000"), null);
    assertEquals(await free(), null);
  },
);

Deno.test(
  "driverBytesInUse() adds up the cards, and is null where the driver does not tell of each",
  unix,
  async () => {
    const used = (answer: string) => where(answer, driverBytesInUse);
    assertEquals(await used(lines("5, 1, A", "7, 1, B")), 12 * MiB);
    assertEquals(await used(lines("0, 1, A")), 0);
    assertEquals(await used(lines("5, 1, A", "[N/A], 1, B")), null);
    assertEquals(await used(":"), null);
    assertEquals(await used(lines("No devices were found")), null);
    assertEquals(await used(`${lines("5, 1, A")}; exit 9`), null);
  },
);
