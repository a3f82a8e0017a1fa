import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { createReportFolder, removeIfEmpty } from "./report_folder.ts";

const date = new Date("2026-11-22T01:02:03Z");

Deno.test("createReportFolder() never takes a folder that holds results", async () => {
  const parent = await Deno.makeTempDir();
  const wanted = `${parent}/deep/report/`;
  const paths = [];
  for (let i = 0; i < 3; i++) paths.push((await createReportFolder(wanted, "imaginary", date)).path);
  assertEquals(paths, ["report", "report-2", "report-3"].map((name) => `${parent}/deep/${name}`));
  await Deno.remove(parent, { recursive: true });
});

Deno.test("createReportFolder() refuses a path under a file", async () => {
  const file = await Deno.makeTempFile();
  await assertRejects(
    () => createReportFolder(`${file}/report`, "imaginary", date),
    UserError,
    "choose another with --out",
  );
  await assertRejects(
    () => createReportFolder(file, "imaginary", date),
    UserError,
    "choose another with --out",
  );
  await Deno.remove(file);
});

Deno.test("removeIfEmpty() leaves a folder in which something else lies", async () => {
  const parent = await Deno.makeTempDir();
  await Deno.writeTextFile(`${parent}/notes.txt`, "mine");
  await removeIfEmpty(await createReportFolder(parent, "imaginary", date));
  await removeIfEmpty(await createReportFolder(`${parent}/new`, "imaginary", date));
  assertEquals((await Array.fromAsync(Deno.readDir(parent))).map(({ name }) => name), ["notes.txt"]);
  await Deno.remove(parent, { recursive: true });
});
