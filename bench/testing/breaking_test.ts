import { assertEquals, assertNotEquals } from "@std/assert";
import { gpuTest } from "../../kernels/testing/testing.ts";
import { checkFolder } from "../commands/check.ts";
import { wereAlone } from "./were_alone.ts";
import { broken, cellOf, faults, randomNumbers, Sweeps, whatCounts, whole } from "./breaking.ts";

const options = [
  ...["--model", "nano", "--sequence", "16", "--batch", "1", "--policy", "exact,mesa8,mst8", "--no-tune"],
  ...["--rounds", "2", "--seeds", "2", "--steps", "1", "--warmup", "0"],
];
const notLinux = Deno.build.os !== "linux" && "processes are found in /proc";

gpuTest(
  "A sweep of six processes that meets each fault once, and is resumed, leaves what one leaves that meets none",
  async () => {
    const sweeps = await Sweeps.create([...options, "--quality-steps", "2"]);
    try {
      const expected = whatCounts(await whole(sweeps));
      assertEquals(expected.length, 6);
      const names = Object.keys(faults).filter((name) => name !== "a full disk" || sweeps.disk !== null);
      const records = await broken(sweeps, "broken", names, {
        random: randomNumbers(1),
        most: 1,
        tell: () => {},
      });
      assertEquals(whatCounts(records), expected);
      const folders = ["broken", "whole"].map((name) => sweeps.folder(name));
      const alone = (await Promise.all(folders.map(wereAlone))).every(Boolean);
      const [checked, right] = await Promise.all(
        folders.map(async (folder) =>
          (await checkFolder(folder)).map(({ pass, text }) => ({
            pass,
            text: alone ? text : text.replace("frontier.svg, ", ""),
          }))
        ),
      );
      assertEquals(checked, right);
    } finally {
      await sweeps.remove();
    }
  },
  notLinux,
);

gpuTest(
  "A cell's process that would compute for hours ends when the sweep is killed",
  async () => {
    const sweeps = await Sweeps.create([...options, "--quality-steps", "100000"]);
    try {
      const run = sweeps.start("endless");
      assertNotEquals(await cellOf(run, true), null);
      run.process.kill("SIGKILL");
      await run.process.stderr.cancel();
      await run.process.status;
      assertEquals(await sweeps.leftovers(), []);
    } finally {
      await sweeps.remove();
    }
  },
  notLinux,
);
