import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { needs } from "../../test/support/debian.ts";
import { EXIT } from "./exitCodes.ts";
import { systemdUnit, UNIT } from "./unit.ts";

const plan = {
  command: [process.execPath, "run", "--data", "/srv/my data"],
  environmentFile: "/srv/my data/environment",
};
const settings = (text: string) => text.split("\n").filter((line) => /^\w+=/.test(line));

test("tasks survive a restart, and what is not to be started again is not", () => {
  const lines = settings(systemdUnit(plan));
  expect(lines).toContain("KillMode=process");
  expect(lines).toContain("Restart=always");
  expect(lines).toContain(`RestartPreventExitStatus=${EXIT.ok} ${EXIT.stay} ${EXIT.usage}`);
  expect(lines).toContain("StartLimitIntervalSec=0");
  // by SIGABRT the executable's runtime would tell of a crash of its own
  expect(lines).toContain("WatchdogSignal=SIGKILL");
  // with it, a unit whose tasks live on can't be started again
  expect(lines.some((line) => line.startsWith("Delegate"))).toBe(false);
});

test("words keep their meaning", () => {
  const lines = settings(systemdUnit({ ...plan, command: ["/opt/a b/100%$x", "run"] }));
  expect(lines).toContain('ExecStart="/opt/a b/100%%$$x" run');
});

test("systemd itself finds nothing wrong with it", () => {
  needs("systemd:systemd-analyze");
  const folder = mkdtempSync(join(tmpdir(), "hansa-unit-"));
  try {
    const verify = (text: string) => {
      const path = join(folder, UNIT);
      writeFileSync(path, text);
      const { stderr } = spawnSync("systemd-analyze", ["verify", path], {
        encoding: "utf8",
        stdio: ["ignore", "ignore", "pipe"],
      });
      return stderr.split("\n").filter((line) => line.includes(UNIT));
    };
    expect(verify(systemdUnit(plan))).toEqual([]);
    // it does look
    expect(verify(systemdUnit(plan).replace("KillMode=process", "KillMode=sometimes"))).not.toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
