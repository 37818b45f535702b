/**
 * A node under a real systemd, on a machine with cgroups of version 2 alone: what a new user does, what happens to the
 * agent later on, and the end. The tests are steps of one story, on one machine.
 */
import { createReadStream } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { basename, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, onTestFailed, test, vi } from "vitest";
import { getNode } from "../../cli/api/endpoints.ts";
import { localOf } from "../../src/model/ids.ts";
import type { JobSpecInput } from "../../src/model/job.ts";
import { hansaOf, saysOf } from "../system/hansa.ts";
import { League } from "../system/league.ts";
import { until } from "../system/processes.ts";
import { makeImage } from "./image.ts";
import { HOST, Vm } from "./vm.ts";

const UNIT = "hansa-agent.service";
const DATA = "/var/lib/hansa-agent";
/** Where tasks of all users leave marks. */
const MARKS = "/srv/marks";
/** What starts there takes seconds. */
const SLOW_MS = 180_000;

let downloads: Server;
let league: League;
let vm: Vm;
let line: string;

const say = (text: string) => console.log(`vm: ${text}`);

beforeAll(async () => {
  const image = await makeImage(say);
  downloads = createServer((request, response) => {
    const name = basename(request.url ?? "");
    createReadStream(join("dist", name))
      .on("error", () => response.writeHead(404).end())
      .pipe(response);
  });
  await new Promise<void>((resolve) => void downloads.listen(0, "127.0.0.1", resolve));
  vi.stubEnv("AGENT_URL", `http://${HOST}:${(downloads.address() as AddressInfo).port}`);
  league = await League.start(["home"]);
  line = await newLine();
  say("it boots");
  vm = await Vm.boot(image, league.root);
  say(`it is up; ${await out("systemd-analyze | head -1; uname -r; systemctl --version | head -1")}`);
  await out(`mkdir -m 1777 ${MARKS}`);
});

afterAll(async () => {
  await vm?.end();
  await league?.end();
  downloads?.close();
});

beforeEach(() => {
  onTestFailed(async () => {
    console.error(`the end of its console:\n${vm.tail}`);
    const { stdout } = await vm.run(
      `journalctl -b -u ${UNIT} -n 60 --no-pager -o short-monotonic; systemd-cgls --no-pager`,
    );
    console.error(stdout);
    console.error((await hansaOf(league, ["nodes"])).stdout);
  });
});

/** The very line that the command shows, as the machine reaches this one. Its token is good for one node. */
async function newLine(): Promise<string> {
  const { stderr } = await hansaOf(league, ["token", "create", "--join", "home"]);
  return (stderr.split("\n").find((text) => text.startsWith("curl ")) ?? "").replace("127.0.0.1", HOST);
}

/** @returns what root's shell there said; it has to succeed */
async function out(script: string, timeoutMs?: number): Promise<string> {
  const { code, stdout, stderr } = await vm.run(script, timeoutMs);
  expect(code, `${script}\n${stdout}${stderr}`).toBe(0);
  return stdout.trimEnd();
}
const holds = async (script: string) => (await vm.run(script)).code === 0;
const unitSays = (property: string) => out(`systemctl show ${UNIT} -p ${property} --value`);
const node = () => getNode(league.client, "home", "n1");
const lives = (pid: string) => holds(`grep -q '^State:.[^ZX]' /proc/${pid}/status`);
const untilUp = () => until("the node is up", async () => (await node()).state === "up", SLOW_MS);

/** A task that runs until it is let go, its first process, and its cgroup there. A sandbox leaves no mark. */
async function longTask(name: string, spec: Partial<JobSpecInput> = {}) {
  const mark = `${MARKS}/${name}`;
  const command = `echo $$ >>${mark}; while [ ! -e ${mark}.go ]; do sleep 0.2; done; echo done`;
  const { id } = await league.submit({ command, resources: { cpus: 0.1, mem: "32MiB" }, ...spec });
  const find = `pgrep -o -f '^/bin/sh -c echo .. >>${mark};'`;
  await until(`${name} runs`, () => holds(find), SLOW_MS);
  const pid = await out(find);
  const cgroup = `/sys/fs/cgroup${await out(`cut -d: -f3 /proc/${pid}/cgroup`)}`;
  expect(cgroup).toMatch(/^\/sys\/fs\/cgroup\/hansa\.slice\/[0-9a-f]+\/[^/]+$/);
  const letGo = async () => {
    await out(`touch ${mark}.go`);
    return league.ended(id, SLOW_MS);
  };
  return { id, pid, cgroup, mark, letGo };
}

/** The agent was started anew, and the unit is well. @param before its process until then */
async function untilAnother(before: string): Promise<void> {
  await until(
    "systemd has started the agent again",
    async () => (await unitSays("ActiveState")) === "active" && !["0", before].includes(await unitSays("MainPID")),
    SLOW_MS,
  );
  await untilUp();
}

test("the line makes it a node: a unit that is active, told of by the agent itself", async () => {
  const said = await out(`${line} --name n1 --label zone=a --max-pids 40`, SLOW_MS);
  say(said);
  expect(said).toContain("fetched hansa-agent-linux-x64, sha256 as listed\nwrote /usr/local/bin/hansa-agent\n");
  expect(said).toContain("joined as node n1 of home in test\nnode home/n1 as the broker sees it: up\n");
  expect(await out("stat -f -c %T /sys/fs/cgroup")).toBe("cgroup2fs");
  const status = await out(`systemctl status ${UNIT} --no-pager`);
  say(status);
  expect(status).toMatch(/Loaded: .*; enabled;/);
  expect(await out(`systemctl show ${UNIT} -p Type,ActiveState,SubState,NRestarts,WatchdogUSec`)).toBe(
    "Type=notify\nWatchdogUSec=1min\nNRestarts=0\nActiveState=active\nSubState=running",
  );
  expect(await unitSays("StatusText")).toContain("n1");
  expect(Number(await unitSays("WatchdogTimestampMonotonic"))).toBeGreaterThan(0);
  say(await saysOf(league, ["nodes"]));
  const doctor = await vm.run("hansa-agent doctor");
  say(doctor.stdout);
  expect(doctor, doctor.stdout + doctor.stderr).toMatchObject({ code: 0 });
  expect(await node()).toMatchObject({ state: "up", drivers: ["process", "sandbox"], attributes: { zone: "a" } });
});

test.each(["process", "sandbox"] as const)(
  "a task by %s has its limits, and is told when it wants too much",
  async (driver) => {
    const task = await longTask(`limits-${driver}`, { driver });
    const limits = `cd ${task.cgroup}; cat memory.max pids.max cpu.weight`;
    expect(await out(limits)).toBe(`${32 * 2 ** 20}\n40\n10`);
    // systemd looks through its own cgroups anew, and leaves these as they are
    await out("systemctl daemon-reload");
    expect(await out(limits)).toBe(`${32 * 2 ** 20}\n40\n10`);
    expect((await task.letGo()).state).toBe("succeeded");
    expect(await league.output(task.id)).toBe("done\n");

    const greedy = "tail /dev/zero";
    const { id } = await league.submit({ command: greedy, driver, resources: { mem: "48MiB" }, retry: { max: 0 } });
    expect(await league.ended(id, SLOW_MS)).toMatchObject({ state: "failed" });
    expect((await league.task(id)).attempts).toMatchObject([
      { state: "failed", reason: "out-of-memory", message: "took more than its 48 MiB of memory" },
    ]);
    const many = "for i in $(seq 60); do sleep 9 & done 2>/dev/null; echo never";
    const forks = await league.submit({ command: many, driver, resources: { mem: "64MiB" }, retry: { max: 0 } });
    expect(await league.ended(forks.id, SLOW_MS)).toMatchObject({ state: "failed" });
    expect(await league.output(forks.id)).toBe("");
    for (const each of [id, forks.id]) say(`${driver}: ${JSON.stringify((await league.task(each)).attempts)}`);
  },
);

test("a task lives through all that systemd and others do to the agent", async () => {
  const task = await longTask("survivor");
  const guard = await out("cat /sys/fs/cgroup/hansa.slice/*/guard/cgroup.procs | head -1");
  const stillAll = async () => {
    expect(await lives(task.pid)).toBe(true);
    expect(await lives(guard)).toBe(true);
  };
  let before = await unitSays("MainPID");
  await out(`systemctl restart ${UNIT}`, SLOW_MS);
  await untilAnother(before);
  await stillAll();
  say("lived through restart");

  before = await unitSays("MainPID");
  await out(`kill -9 ${before}`);
  await untilAnother(before);
  await stillAll();
  expect(await unitSays("NRestarts")).toBe("1");
  say("lived through kill -9");

  await out("systemctl daemon-reexec");
  before = await unitSays("MainPID");
  await stillAll();
  expect(await unitSays("ActiveState")).toBe("active");
  say("lived through daemon-reexec");

  await out(`kill -STOP ${before}`);
  await untilAnother(before);
  await stillAll();
  expect(await unitSays("NRestarts")).toBe("2");
  expect(await out(`journalctl -b -u ${UNIT} --no-pager`)).toContain("Watchdog timeout");
  say(await out(`journalctl -b -u ${UNIT} --no-pager -o cat | grep -A8 "Watchdog timeout"`));
  say("lived through the watchdog");

  expect((await task.letGo()).state).toBe("succeeded");
  expect(await league.output(task.id)).toBe("done\n");
  expect((await league.task(task.id)).attempts).toHaveLength(1);
});

test("the line again upgrades in place", async () => {
  const task = await longTask("upgraded");
  const before = await unitSays("MainPID");
  const said = await out(line.replace(/ -s -- --token .*/, ""), SLOW_MS);
  say(said);
  expect(said).toContain("stays node n1 of home");
  await untilAnother(before);
  expect(await lives(task.pid)).toBe(true);
  expect(await node()).toMatchObject({ attributes: { zone: "a" } });
  expect((await task.letGo()).state).toBe("succeeded");
});

test("while the unit is stopped the guard ends what is not renewed, by its deadline", async () => {
  const task = await longTask("deadline", { disconnect: { stopAfter: "40s" }, stopGrace: "2s", retry: { max: 0 } });
  await out(`systemctl stop ${UNIT}`, SLOW_MS);
  expect(await unitSays("ActiveState")).toBe("inactive");
  expect(await lives(task.pid)).toBe(true);
  const startedAt = performance.now();
  await until("the guard has ended it", async () => !(await lives(task.pid)), 60_000);
  say(`ended by the guard ${Math.round((performance.now() - startedAt) / 1000)} s after the stop`);
  expect(await out(`cat ${task.cgroup}/cgroup.procs`)).toBe("");
  await out(`systemctl start ${UNIT}`, SLOW_MS);
  await untilUp();
  // on its way to another try it may be in no cluster
  const tried = async () => (await league.tasks(task.id))[0]?.attempts.length ?? 0;
  await until("it is known", async () => (await tried()) > 1, SLOW_MS);
  expect((await task.letGo()).state).toBe("succeeded");
  const { attempts } = await league.task(task.id);
  say(JSON.stringify(attempts));
});

test.each([
  ["a reboot", "systemctl reboot"],
  ["a power cut", "sync; echo b >/proc/sysrq-trigger"],
])("after %s the node is back by itself, and what it keeps runs again", async (_, command) => {
  await out(`rm -f ${MARKS}/*`);
  const task = await longTask("kept", { disconnect: "keep" });
  await out("sync");
  vm.tell(command);
  await vm.bootsAgain(vm.boots.length);
  // nothing of ours holds up the end
  expect(vm.console).not.toContain("Waiting for process");
  await until("the node is up again", async () => (await unitSays("ActiveState")) === "active", SLOW_MS);
  await untilUp();
  await until("it runs again", () => holds(`test $(wc -l <${task.mark}) = 2`), SLOW_MS);
  expect(await task.letGo()).toMatchObject({ state: "succeeded" });
  const { attempts } = await league.task(task.id);
  say(JSON.stringify(attempts));
  expect(attempts.map(({ epoch, state, reason }) => [localOf(epoch as never), state, reason])).toEqual([
    [0, "failed", "rebooted"],
    [1, "succeeded", "exit"],
  ]);
});

test("drain waits for what runs, ends the agent, and systemd leaves it so", async () => {
  const { id } = await league.submit({ command: `touch ${MARKS}/short; sleep 5; echo done` });
  await until("it runs", () => holds(`test -e ${MARKS}/short`), SLOW_MS);
  say(await out("hansa-agent drain", SLOW_MS));
  expect(await league.ended(id)).toMatchObject({ state: "succeeded" });
  expect(await league.output(id)).toBe("done\n");
  await until("the unit is inactive", async () => (await unitSays("ActiveState")) === "inactive", SLOW_MS);
  await out("sleep 5");
  expect(await out(`systemctl show ${UNIT} -p ActiveState,Result,ExecMainStatus`)).toBe(
    "Result=success\nExecMainStatus=0\nActiveState=inactive",
  );
  await out(`systemctl start ${UNIT}`, SLOW_MS);
  await untilUp();
});

test.each([
  ["", ""],
  [", also of what an agent that was stopped has left", `systemctl stop ${UNIT}`],
])("uninstall leaves nothing behind%s", async (_, before) => {
  // the first one purged it: it is a new node
  if (before) await out(`${await newLine()} --name n2`, SLOW_MS);
  const task = await longTask(`last${before.length}`, { retry: { max: 0 } });
  await out(before, SLOW_MS);
  const said = await out("hansa-agent uninstall --purge", SLOW_MS);
  say(said);
  for (const path of [`/etc/systemd/system/${UNIT}`, DATA]) expect(said).toContain(`removed ${path}\n`);
  expect(said).toContain("the program itself stays: /usr/local/bin/hansa-agent");
  expect(await lives(task.pid)).toBe(false);
  expect((await vm.run(`systemctl status ${UNIT}`)).code).toBe(4);
  expect(await out(`systemctl list-units --all --no-legend 'hansa*'; systemctl --failed --no-legend`)).toBe("");
  expect(await out("ps -eo args | grep -i '[h]ansa' || true")).toBe("");
  const left = "find / -xdev -iname '*hansa*' -not -path '/proc/*'; find /run /dev/shm /sys/fs/cgroup -iname '*hansa*'";
  expect(await out(`(${left}) | grep -v ^/var/log/journal; true`)).toBe("/usr/local/bin/hansa-agent");
});
