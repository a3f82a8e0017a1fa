import { assertEquals, assertStringIncludes } from "@std/assert";
import { withFolder } from "./folder.ts";

/** A `slurmd` that ends as where no cgroups are mounted, after more lines than are told. */
const slurmd = `#!/bin/sh
log=$(sed -n 's/^SlurmdLogFile=//p' "$SLURM_CONF")
for line in 1 2 3 4 5 6 7 8 9 10; do echo "line $line" >>"$log"; done
echo 'error: cgroup: no mount of cgroups' >>"$log"
exit 1
`;

Deno.test("withSlurm() ends as soon as slurmd does, and says what its log ends with", () =>
  withFolder(async (folder) => {
    const programs = { slurmd, munged: "#!/bin/sh\n", slurmctld: "#!/bin/sh\n", sinfo: "#!/bin/sh\n" };
    for (const [name, text] of Object.entries(programs)) {
      await Deno.writeTextFile(`${folder}/${name}`, text, { mode: 0o755 });
    }
    const from = import.meta.resolve("./slurm.ts");
    const program = `import { withSlurm } from "${from}"; await withSlurm(() => Promise.resolve());`;
    await Deno.writeTextFile(`${folder}/prove.ts`, program);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", `${folder}/prove.ts`],
      env: { PATH: `${folder}:/usr/bin:/bin` },
    }).output();
    const told = new TextDecoder().decode(stderr);
    assertEquals(code, 1, told);
    assertStringIncludes(told, "slurmd has ended. slurmd.log ends:\nline 2\n");
    assertStringIncludes(told, "\nline 10\nerror: cgroup: no mount of cgroups\n");
  }));
