/** The tests of what touches the machine, once more in the runtime of the executable and with its transport. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { bunBinary } from "../scripts/bun.ts";

const TIMEOUT_MS = 300_000;

test(
  "the host passes its tests in Bun",
  async () => {
    const words = ["test", "--timeout", "20000", "agent/host"];
    const failed = ({ stderr }: { stderr?: string }) => stderr ?? "";
    const report = await promisify(execFile)(bunBinary(), words).then(({ stderr }) => stderr, failed);
    expect(report.split("\n").filter((line) => /^\(fail\)|^error/.test(line))).toEqual([]);
    expect(report).toMatch(/^ *[1-9]\d\d pass$/m);
    expect(report).toMatch(/^ *0 fail$/m);
  },
  TIMEOUT_MS,
);
