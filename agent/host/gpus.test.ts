import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { countGpus, listedGpus, recountGpus } from "./gpus.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansa-gpus-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const withTool = (script: string) => {
  writeFileSync(join(folder, "nvidia-smi"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return countGpus({ PATH: folder });
};

test("a line is a device, and what is indented a part of one", () => {
  expect(
    listedGpus(
      [
        "GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5b)",
        "  MIG 1g.5gb      Device  0: (UUID: MIG-2a1f)",
        "GPU 1: Tesla T4 (UUID: GPU-9f3c)",
        "",
      ].join("\n"),
    ),
  ).toBe(2);
});

test("the tool is asked for its list; without one, or when it fails, there are none", () => {
  expect(countGpus({ PATH: folder })).toBe(0);
  expect(withTool('[ "$1" = -L ] && echo "GPU 0: T4 (UUID: a)" && echo "GPU 1: T4 (UUID: b)"')).toBe(2);
  expect(withTool('echo "GPU 0: T4 (UUID: a)"; exit 9')).toBe(0);
  expect(withTool("echo No devices were found")).toBe(0);
});

test("asked again, a tool that hangs says nothing about the devices, one that fails says that they are gone", async () => {
  expect(await recountGpus({ PATH: folder })).toBe(0);
  withTool('[ "$1" = -L ] && echo "GPU 0: T4 (UUID: a)"');
  expect(await recountGpus({ PATH: folder })).toBe(1);
  withTool("exit 9");
  expect(await recountGpus({ PATH: folder })).toBe(0);
  writeFileSync(join(folder, "nvidia-smi"), "#!/bin/sh\nwhile :; do :; done\n", { mode: 0o755 });
  expect(await recountGpus({ PATH: folder }, 100)).toBe(null);
});
