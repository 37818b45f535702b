import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeNotifier, watchdogMs } from "./notify.ts";

let folder: string;
let environment: NodeJS.ProcessEnv;
const log = () => {};
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "hansa-notify-"));
  const program = join(folder, "systemd-notify");
  writeFileSync(program, `#!/bin/sh\necho "$NOTIFY_SOCKET $*" >>${folder}/said\n`);
  chmodSync(program, 0o755);
  environment = { PATH: `${folder}:${process.env.PATH}`, NOTIFY_SOCKET: "/run/x" };
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const said = (): string => (existsSync(join(folder, "said")) ? readFileSync(join(folder, "said"), "utf8") : "");
async function until(holds: () => boolean): Promise<void> {
  for await (const _ of changes()) if (holds()) return;
}
async function* changes(): AsyncGenerator<void> {
  const waiting: (() => void)[] = [];
  const watcher = watch(folder, () => waiting.splice(0).map((tell) => tell()));
  try {
    for (;;) {
      const change = new Promise<void>((resolve) => void waiting.push(resolve));
      yield;
      await change;
    }
  } finally {
    watcher.close();
  }
}

test("the watchdog's time is this process's own, or nobody's", () => {
  expect(watchdogMs({ WATCHDOG_USEC: "60000000" }, 7)).toBe(60_000);
  expect(watchdogMs({ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "7" }, 7)).toBe(60_000);
  expect(watchdogMs({ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "8" }, 7)).toBe(null);
  expect(watchdogMs({ WATCHDOG_USEC: "0" }, 7)).toBe(null);
  expect(watchdogMs({}, 7)).toBe(null);
});

test("says by systemd-notify that it is up, and that it ends", async () => {
  const notifier = makeNotifier(environment, 7, log);
  notifier.ready("node n1");
  await until(() => said() === "/run/x READY=1 STATUS=node n1\n");
  notifier.stopping();
  await until(() => said().endsWith("/run/x STOPPING=1\n"));
});

test("feeds the watchdog three times as often as it must, only while the loop turns", async () => {
  const complaints: string[] = [];
  const notifier = makeNotifier({ ...environment, WATCHDOG_USEC: "60000" }, 7, (_, message) =>
    complaints.push(message),
  );
  let turns = true;
  notifier.watch(() => turns);
  await until(() => said().split("WATCHDOG=1").length > 3);
  turns = false;
  const before = complaints.length;
  while (complaints.length < before + 3) await new Promise((resolve) => setImmediate(resolve));
  expect(complaints.at(-1)).toContain("stands still");
  const fed = said();
  const later = complaints.length;
  while (complaints.length < later + 3) await new Promise((resolve) => setImmediate(resolve));
  // one more may have been on its way
  expect(said().length - fed.length).toBeLessThanOrEqual("/run/x WATCHDOG=1\n".length);
  notifier.stopping();
});

test("says nothing where nobody listens", () => {
  const notifier = makeNotifier({ PATH: environment.PATH, WATCHDOG_USEC: "1000" }, 7, log);
  let asked = 0;
  notifier.ready("");
  notifier.watch(() => {
    asked++;
    return true;
  });
  notifier.stopping();
  expect(asked).toBe(0);
});

test("a machine without systemd-notify is told once and goes on", async () => {
  const told = Promise.withResolvers<string>();
  const notifier = makeNotifier({ ...environment, PATH: "/nowhere" }, 7, (_, message) => told.resolve(message));
  notifier.ready("");
  expect(await told.promise).toContain("can't be run");
});
