import { assertEquals, assertRejects } from "@std/assert";
import { UserError } from "../../src/errors.ts";
import { createReportFolder } from "./report_folder.ts";

const date = new Date("2026-11-22T01:02:03Z");

Deno.test("createReportFolder() never takes a folder that holds results", async () => {
  const parent = await Deno.makeTempDir();
  const before = Deno.cwd();
  Deno.chdir(parent);
  try {
    const wanted = `${parent}/deep/report/`;
    assertEquals((await createReportFolder(wanted, "imaginary", date)).path, `${parent}/deep/report`);
    await assertRejects(
      () => createReportFolder(wanted, "imaginary", date),
      UserError,
      `deep/report holds results: go on with them by --resume ${parent}/deep/report, or choose another --out`,
    );
    const paths = [];
    for (let i = 0; i < 3; i++) paths.push((await createReportFolder(undefined, "imaginary", date)).path);
    assertEquals(paths, ["", "-2", "-3"].map((suffix) => `reports/2026-11-22-imaginary${suffix}`));
  } finally {
    Deno.chdir(before);
    await Deno.remove(parent, { recursive: true });
  }
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
