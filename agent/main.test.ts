import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { buildAgentBundle } from "../scripts/build.ts";
import { hostTarget } from "../scripts/bun.ts";
import { buildExecutable } from "../scripts/executable.ts";
import { agentCommand, chosenAgent } from "../test/support/agentUnderTest.ts";
import { until } from "../test/support/until.ts";
import { FakeBroker } from "./host/fakeBroker.fixture.ts";
import { folderHash } from "./host/folders.ts";
import { statOf } from "./host/procfs.ts";

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });
const dead = (pid: number) => ["Z", "X", undefined].includes(statOf(pid)?.state);
/** What is shipped, made anew from the sources. */
const artifacts: Record<string, (folder: string) => Promise<string>> = {
  "for Node": async (folder) => {
    await buildAgentBundle(join(folder, "agent.cjs"));
    return join(folder, "agent.cjs");
  },
  "as an executable": (folder) => buildExecutable(hostTarget(), join(folder, "agent")),
};
const chosen = chosenAgent();

describe.each(chosen ? [chosen] : Object.keys(artifacts))("an agent process (%s)", (artifact) => {
  let built: string;
  let agentPath: string;
  let root: string;
  let data: string;
  let run: string;
  let broker: FakeBroker;
  let agents: ChildProcess[];
  /** besides what every agent gets */
  let environment: NodeJS.ProcessEnv;

  const start = (...flags: string[]): ChildProcess => {
    const where = ["--data", data, "--run-dir", run];
    const [program, ...first] = agentCommand(agentPath);
    const agent = spawn(program, [...first, ...(flags.length > 0 ? flags : ["run"]), ...where], {
      env: { PATH: process.env.PATH, HANSA_AGENT_URL: broker.url, HANSA_AGENT_TOKEN: "hns_join_x", ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    agents.push(agent);
    return agent;
  };
  /** What it says in its log, as it comes. */
  const lines = (agent: ChildProcess) => {
    let text = "";
    const news: (() => void)[] = [];
    agent.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      for (const tell of news.splice(0)) tell();
    });
    const says = async (wanted: RegExp): Promise<RegExpExecArray> => {
      for (;;) {
        const found = wanted.exec(text);
        if (found) return found;
        await new Promise<void>((resolve) => void news.push(resolve));
      }
    };
    return { text: () => text, says };
  };
  const exit = async (agent: ChildProcess): Promise<number | null> => agent.exitCode ?? (await once(agent, "exit"))[0];
  const said = async (agent: ChildProcess): Promise<string> => {
    let text = "";
    agent.stdout?.on("data", (chunk) => {
      text += chunk;
    });
    await once(agent, "close");
    return text;
  };
  const work = (key: string) => join(data, "tasks", key, "work");
  const pidOf = async (key: string): Promise<number> => {
    const path = join(work(key), "pid");
    await until(() => existsSync(path) && readFileSync(path, "utf8").endsWith("\n"));
    return Number(readFileSync(path, "utf8"));
  };
  const gone = (key: string) => !existsSync(join(data, "tasks", key));

  beforeAll(async () => {
    built = mkdtempSync(join(tmpdir(), "hansa-agent-built-"));
    agentPath = (await artifacts[artifact]?.(built)) ?? artifact;
  });
  afterAll(() => rmSync(built, { recursive: true }));

  beforeEach(async () => {
    root = mkdtempSync(join(tmpdir(), "hansa-agent-"));
    chmodSync(root, 0o711);
    data = join(root, "data");
    run = join(root, "run");
    broker = new FakeBroker();
    await broker.listen();
    agents = [];
    environment = {};
  });

  afterEach(async () => {
    for (const agent of agents) if (agent.exitCode === null && agent.signalCode === null) agent.kill("SIGKILL");
    // the last one ends what is left, guard included
    environment = {};
    broker.odd = null;
    const polls = broker.polls.length;
    const last = start("run", "--stop-tasks-on-exit");
    await broker.until(() => broker.polls.length > polls);
    last.kill("SIGTERM");
    await exit(last);
    await broker.close();
    rmSync(root, { recursive: true, force: true });
  });

  test.runIf(artifact === "for Node")("carries no schemas, which take longer to load than all of it", () => {
    expect(readFileSync(agentPath, "utf8")).not.toContain("ZodType");
  });

  test("joins, says what it has, runs a task, uploads its output and forgets it", async () => {
    start();
    broker.give({ command: "echo hi from $HANSA_NODE; echo oh >&2" }, "job1.0");
    expect(await broker.end("job1.0@1")).toMatchObject({ state: "succeeded", code: 0, stdout: { size: 11 } });
    await broker.until(() => broker.ended.size === 2);
    expect(broker.output.get("job1.0@1/stdout")?.toString()).toBe("hi from n1\n");
    expect(broker.output.get("job1.0@1/stderr")?.toString()).toBe("oh\n");
    await until(() => gone("job1.0@1"));
    expect(broker.joins).toEqual([{ name: expect.any(String), key: expect.any(String) }]);
    expect(broker.polls[0]).toMatchObject({ session: 1, seq: 1, running: [], pressure: ["starting", "no-guard"] });
    await broker.until(() => broker.inventory?.drivers.includes("process") === true);
    expect(statSync(join(data, "node.json")).mode & 0o777).toBe(0o600);
    expect(statSync(join(data, "journal")).mode & 0o777).toBe(0o600);
  });

  test("says which ports and GPUs it has, and tells a task which of them are its own", async () => {
    start("run", "--ports", "31000-31009,31020", "--resource", "gpus=2");
    const command = "echo $HANSA_PORTS/$HANSA_PORT_1/$HANSA_DEVICES; env | grep ^CUDA_VISIBLE";
    broker.give({ command, resources: { gpus: 1000, ports: 2000 } }, "job1.0", 1, {
      devices: [1],
      ports: [31_005, 31_020],
    });
    broker.give({ command }, "job2.0");
    await broker.until(() => broker.ended.has("job1.0@1/stdout") && broker.ended.has("job2.0@1/stdout"));
    expect(broker.output.get("job1.0@1/stdout")?.toString()).toBe("31005,31020/31020/1\nCUDA_VISIBLE_DEVICES=1\n");
    expect(broker.output.get("job2.0@1/stdout")?.toString()).toBe("//\nCUDA_VISIBLE_DEVICES=\n");
    await broker.until(() => broker.inventory !== undefined);
    expect(broker.inventory).toMatchObject({
      capacity: { gpus: 2000, ports: 11_000 },
      ports: [
        [31_000, 31_009],
        [31_020, 31_020],
      ],
    });
  });

  test("keeps of what a task prints no secret, and no more than the limit, also across a restart", async () => {
    const env = { DB_PASSWORD: "hunter2-hunter3" };
    const first = start("run", "--max-output", "1MiB");
    const command =
      "echo $$ >pid; echo in $DB_PASSWORD; while [ ! -e go ]; do sleep 0.05; done; head -c 3000000 /dev/zero | tr '\\0' x; echo out $DB_PASSWORD >&2";
    broker.give({ command, env, stopAfterMs: 60_000 }, "job1.0");
    await pidOf("job1.0@1");
    first.kill("SIGKILL");
    await exit(first);
    writeFileSync(join(work("job1.0@1"), "go"), "");
    start("run", "--max-output", "1MiB");
    const end = await broker.end("job1.0@1");
    await broker.until(() => broker.ended.size === 2);
    expect(broker.output.get("job1.0@1/stderr")?.toString()).toBe(`out ${"*".repeat(15)}\n`);
    const printed = broker.output.get("job1.0@1/stdout")?.toString() ?? "";
    expect(printed.slice(0, 20)).toBe(`in ${"*".repeat(15)}\nx`);
    const dropped = 3_000_019 - 2 ** 20;
    expect(printed.slice(2 ** 20)).toBe(
      `\n[hansa: ${dropped} bytes more were dropped; this node keeps ${2 ** 20} of each stream of a task]\n`,
    );
    expect(end).toMatchObject({ state: "succeeded", stdout: { size: printed.length, dropped } });
  });

  test("says nothing to the broker before what its journal has lost is dead", async () => {
    const first = start();
    broker.give({ command: "echo $$ >pid; exec sleep 600", stopAfterMs: 60_000 }, "job1.0");
    const pid = await pidOf("job1.0@1");
    first.kill("SIGKILL");
    await exit(first);
    writeFileSync(join(data, "journal"), "");
    const heardAlive: boolean[] = [];
    broker.odd = () => {
      heardAlive.push(!dead(pid));
      return false;
    };
    start();
    await broker.until(() => heardAlive.length > 0);
    expect(heardAlive).not.toContain(true);
  });

  test("killed, leaves its tasks alive, and the next one takes them over and tells how they ended", async () => {
    const first = start();
    broker.give(
      { command: "echo $$ >pid; while [ ! -e go ]; do sleep 0.05; done; echo done; exit 3", stopAfterMs: 60_000 },
      "job1.0",
    );
    const pid = await pidOf("job1.0@1");
    first.kill("SIGKILL");
    await exit(first);
    expect(dead(pid)).toBe(false);
    const polls = broker.polls.length;
    start();
    await broker.until(() => broker.polls.length > polls);
    expect(broker.polls.at(-1)).toMatchObject({ session: 2, running: [["job1.0", 1]] });
    writeFileSync(join(work("job1.0@1"), "go"), "");
    expect(await broker.end("job1.0@1")).toMatchObject({ state: "failed", reason: "exit", code: 3 });
    await broker.until(() => broker.ended.has("job1.0@1/stdout"));
  });

  test("killed before its task ended, tells the end that came meanwhile", async () => {
    const first = start();
    broker.give({ command: "echo $$ >pid; sleep 0.3; echo late news; exit 5", stopAfterMs: 60_000 }, "job1.0");
    const pid = await pidOf("job1.0@1");
    first.kill("SIGKILL");
    await until(() => dead(pid));
    start();
    expect(await broker.end("job1.0@1")).toMatchObject({ state: "failed", code: 5, stdout: { size: 10 } });
    await broker.until(() => broker.output.get("job1.0@1/stdout")?.toString() === "late news\n");
  });

  test("repeats an end until it is acked, over a kill too, and keeps the output until then", async () => {
    broker.acks = false;
    const first = start();
    broker.give({ command: "echo kept" }, "job1.0");
    const told = await broker.end("job1.0@1");
    first.kill("SIGKILL");
    await exit(first);
    broker.ends.clear();
    broker.acks = true;
    start();
    expect(await broker.end("job1.0@1")).toEqual(told);
    await until(() => gone("job1.0@1"));
    expect(broker.output.get("job1.0@1/stdout")?.toString()).toBe("kept\n");
  });

  test("keeps output that the broker can't take yet, though its end is acked", async () => {
    broker.odd = (request, response) => {
      if (request.method !== "PUT") return false;
      response.writeHead(503, { "content-type": "text/html" }).end("<html>try later</html>");
      return true;
    };
    const first = start();
    broker.give({ command: "echo precious" }, "job1.0");
    await broker.end("job1.0@1");
    await broker.until(() => broker.polls.at(-1)?.updates.length === 0);
    first.kill("SIGKILL");
    await exit(first);
    broker.odd = null;
    start();
    await broker.until(() => broker.ended.has("job1.0@1/stdout"));
    expect(broker.output.get("job1.0@1/stdout")?.toString()).toBe("precious\n");
    await until(() => gone("job1.0@1"));
  });

  test("asked to end, leaves its tasks alive and says so by code 0", async () => {
    const agent = start();
    broker.give({ command: "echo $$ >pid; sleep 60", stopAfterMs: 60_000 }, "job1.0");
    const pid = await pidOf("job1.0@1");
    agent.kill("SIGTERM");
    expect(await exit(agent)).toBe(0);
    expect(dead(pid)).toBe(false);
  });

  test("asked to end with its tasks, stops them, tells it, and leaves neither guard nor process", async () => {
    const agent = start("run", "--stop-tasks-on-exit");
    broker.give({ command: "echo $$ >pid; sleep 60", stopAfterMs: 60_000 }, "job1.0");
    const pid = await pidOf("job1.0@1");
    const guard = Number(readFileSync(join(run, "beat"), "utf8").split(" ")[0]);
    agent.kill("SIGTERM");
    expect(await exit(agent)).toBe(0);
    expect(broker.ends.get("job1.0@1")).toMatchObject({ reason: "shutdown" });
    expect(dead(pid)).toBe(true);
    await until(() => dead(guard));
    expect(existsSync(run)).toBe(false);
  });

  test("stops a task that the broker wants stopped", async () => {
    start();
    broker.give({ command: "trap 'exit 9' TERM; echo $$ >pid; while :; do sleep 0.05; done" }, "job1.0");
    await pidOf("job1.0@1");
    broker.stops = [{ task: "job1.0", epoch: 1, graceMs: 5000, reason: "cancelled" }];
    broker.wake();
    expect(await broker.end("job1.0@1")).toMatchObject({ state: "cancelled", code: 9 });
    broker.stops = [];
  });

  describe("with a task whose file takes its time", () => {
    /** who waits for the file */
    let pending: ServerResponse[];
    beforeEach(() => {
      pending = [];
      broker.odd = ({ url }, response) => {
        if (url === "/file") pending.push(response);
        return url === "/file";
      };
      const uris = [{ value: `${broker.url}/file`, executable: false, extract: true, outputFile: null }];
      broker.give({ command: "cat file", uris, stopAfterMs: 60_000 }, "job1.0");
    });

    test("goes on polling meanwhile", async () => {
      start();
      await until(() => pending.length === 1);
      broker.holds = false;
      const before = broker.polls.length;
      broker.wake();
      await broker.until(() => broker.polls.length > before + 3);
      expect(broker.polls.at(-1)?.running).toEqual([["job1.0", 1]]);
      broker.holds = true;
      pending[0]?.end("fetched");
      expect(await broker.end("job1.0@1")).toMatchObject({ state: "succeeded" });
      await broker.until(() => broker.ended.has("job1.0@1/stdout"));
      expect(broker.output.get("job1.0@1/stdout")?.toString()).toBe("fetched");
    });

    test("does not start it when it is stopped meanwhile", async () => {
      start();
      await until(() => pending.length === 1);
      broker.stops = [{ task: "job1.0", epoch: 1, graceMs: 10_000, reason: "cancelled" }];
      broker.wake();
      expect(await broker.end("job1.0@1")).toMatchObject({ state: "cancelled", ranMs: 0 });
      await until(() => gone("job1.0@1"));
    });

    test("killed meanwhile, lets the next one fetch anew and start it once", async () => {
      const first = start();
      await until(() => pending.length === 1);
      await broker.until(() => broker.polls.at(-1)?.running.length === 1);
      first.kill("SIGKILL");
      await exit(first);
      start();
      await until(() => pending.length === 2);
      expect(readdirSync(join(data, "tasks")).filter((name) => name.startsWith("fetch-"))).toHaveLength(1);
      pending[1]?.end("fetched");
      expect(await broker.end("job1.0@1")).toMatchObject({ state: "succeeded" });
    });
  });

  test("takes a proxy's page and half an answer for no answer at all", async () => {
    start();
    await broker.until(() => broker.polls.length > 0);
    let odd = 0;
    broker.odd = (request, response) => {
      if (!request.url?.startsWith("/agent/v1/poll")) return false;
      odd++;
      if (odd === 1) response.writeHead(200, { "content-type": "text/html" }).end("<html>Please log in</html>");
      else if (odd === 2) response.writeHead(401, { "content-type": "text/html" }).end("<html>Proxy login</html>");
      else if (odd === 3) {
        response.writeHead(200, { "content-length": "1000" });
        response.write('{"session":1,');
        response.destroy();
      } else broker.odd = null;
      return broker.odd !== null;
    };
    broker.wake();
    broker.give({ command: "echo $HANSA_EPOCH" }, "job1.0", 7);
    expect(await broker.end("job1.0@7")).toMatchObject({ state: "succeeded" });
    expect(odd).toBeGreaterThanOrEqual(4);
  });

  test("finds its broker at a new address by the one it is given, and does not join again", async () => {
    const first = start();
    await broker.until(() => broker.polls.length > 0);
    first.kill("SIGTERM");
    await exit(first);
    await broker.close();
    broker = new FakeBroker();
    await broker.listen();
    start();
    await broker.until(() => broker.polls.length > 0);
    expect(broker.polls[0]).toMatchObject({ session: 2 });
    expect(broker.joins).toEqual([]);
  });

  test("ends with code 5 when its node was removed, and is not to be started again", async () => {
    const agent = start();
    await broker.until(() => broker.polls.length > 0);
    broker.action = "gone";
    broker.wake();
    expect(await exit(agent)).toBe(5);
    broker.action = "run";
  });

  test("does not share its data folder, and answers `status` while it runs", async () => {
    const log = lines(start());
    await broker.until(() => broker.polls.length > 0);
    await log.says(/node n1 of north/);
    expect(await exit(start())).toBe(2);
    const status = JSON.parse(await said(start("status", "--json")));
    expect(status).toMatchObject({ node: "n1", cluster: "north", session: 1, guard: { alive: true }, attempts: [] });
  });

  test("drains: takes nothing new, waits for what runs, and ends with code 0 and nothing left", async () => {
    const agent = start();
    broker.give({ command: "echo $$ >pid; while [ ! -e go ]; do sleep 0.05; done", stopAfterMs: 60_000 }, "job1.0");
    const pid = await pidOf("job1.0@1");
    const drain = start("drain", "--json");
    const news = said(drain);
    await broker.until(() => broker.polls.at(-1)?.pressure.includes("draining") ?? false);
    broker.give({ command: "true" }, "job2.0");
    const before = broker.polls.length;
    await broker.until(() => broker.polls.length > before);
    expect(dead(pid)).toBe(false);
    expect(agent.exitCode).toBe(null);
    writeFileSync(join(work("job1.0@1"), "go"), "");
    expect(await broker.end("job1.0@1")).toMatchObject({ state: "succeeded" });
    expect(await exit(agent)).toBe(0);
    expect(JSON.parse((await news).trim().split("\n").at(-1) ?? "")).toEqual({ left: 0, over: "empty" });
    expect(drain.exitCode).toBe(0);
    expect(broker.polls.flatMap(({ running }) => running)).not.toContainEqual(["job2.0", 1]);
    expect(existsSync(run)).toBe(false);
  });

  test("drains until a deadline, and then stops what still runs", async () => {
    const agent = start();
    broker.give({ command: "echo $$ >pid; sleep 60", stopAfterMs: 60_000 }, "job1.0");
    const pid = await pidOf("job1.0@1");
    const drain = start("drain", "--deadline", "200ms");
    expect(await said(drain)).toContain("the deadline has come: stopping 1");
    expect(await exit(agent)).toBe(0);
    expect(drain.exitCode).toBe(0);
    expect(broker.ends.get("job1.0@1")).toMatchObject({ reason: "shutdown" });
    expect(dead(pid)).toBe(true);
  });

  test("uninstalled, ends also what an agent left that does not run any more", async () => {
    const agent = start();
    broker.give({ command: "echo $$ >pid; sleep 60", stopAfterMs: null }, "job1.0");
    const pid = await pidOf("job1.0@1");
    const guard = Number(readFileSync(join(run, "beat"), "utf8").split(" ")[0]);
    agent.kill("SIGTERM");
    await exit(agent);
    expect(dead(pid)).toBe(false);
    const uninstall = start("uninstall", "--purge");
    const told = await said(uninstall);
    expect(told).toContain("no agent ran; the tasks that it had left have ended");
    expect(told).toContain(`the program itself stays: ${agentPath}\n`);
    expect(uninstall.exitCode).toBe(0);
    expect(dead(pid)).toBe(true);
    expect(dead(guard)).toBe(true);
    expect(broker.ends.get("job1.0@1")).toMatchObject({ reason: "shutdown" });
    expect([existsSync(run), existsSync(data)]).toEqual([false, false]);
  });

  test("QUIT ends its tasks first, and TERM twice does not wait for them", async () => {
    const first = start();
    broker.give({ command: "trap '' TERM; echo $$ >pid; while :; do sleep 0.05; done", stopAfterMs: 60_000 }, "job1.0");
    const pid = await pidOf("job1.0@1");
    first.kill("SIGQUIT");
    await broker.until(() => broker.polls.at(-1)?.pressure.includes("draining") ?? false);
    expect(dead(pid)).toBe(false);
    first.kill("SIGTERM");
    expect(await exit(first)).toBe(0);
    const second = start("run", "--stop-tasks-on-exit");
    await broker.until(() => broker.polls.at(-1)?.session === 2);
    process.kill(pid, "SIGKILL");
    await broker.end("job1.0@1");
    second.kill("SIGQUIT");
    expect(await exit(second)).toBe(0);
    expect(existsSync(run)).toBe(false);
  });

  test("HUP reads the config anew and tells what changed; a mistake in it changes nothing", async () => {
    const config = join(data, "agent.json");
    mkdirSync(data, { recursive: true });
    writeFileSync(config, JSON.stringify({ label: ["zone=a"] }));
    const agent = start();
    const log = lines(agent);
    await broker.until(() => broker.inventory?.attributes.zone === "a");
    writeFileSync(config, JSON.stringify({ label: ["zone=b"], resource: ["licences=2"], roles: "lab" }));
    agent.kill("SIGHUP");
    await broker.until(() => broker.inventory?.attributes.zone === "b");
    expect(broker.inventory).toMatchObject({ capacity: { licences: 2000 }, roles: ["lab"] });
    writeFileSync(config, "{");
    agent.kill("SIGHUP");
    await log.says(/config is not read anew/);
    expect(agent.exitCode).toBe(null);
    rmSync(config);
  });

  test("USR1 writes the status to the log, and opens no debugger", async () => {
    const agent = start();
    const log = lines(agent);
    await broker.until(() => broker.inventory !== undefined);
    agent.kill("SIGUSR1");
    expect(JSON.parse((await log.says(/status (\{.*\})/))[1] ?? "")).toMatchObject({
      node: "n1",
      loop: { turning: true },
    });
    expect(log.text()).not.toContain("Debugger");
  });

  test("answers on loopback when asked to listen, and two agents do not collide when not", async () => {
    const agent = start("run", "--listen", "127.0.0.1:0");
    const log = lines(agent);
    const [, url] = await log.says(/listening at (http:\S+)/);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(await (await fetch(`${url}/metrics`)).text()).toContain("hansa_agent_polls_total");
    expect(await exit(start("run", "--listen", "0.0.0.0:9464"))).toBe(64);
  });

  test("tells a service manager that it is up, that it lives, and that it ends", async () => {
    const program = join(root, "systemd-notify");
    writeFileSync(program, `#!/bin/sh\necho "$*" >>${root}/told\n`, { mode: 0o755 });
    const told = () => (existsSync(join(root, "told")) ? readFileSync(join(root, "told"), "utf8") : "");
    environment = { PATH: `${root}:${process.env.PATH}`, NOTIFY_SOCKET: join(root, "notify"), WATCHDOG_USEC: "300000" };
    broker.odd = (request, response) => {
      if (!request.url?.startsWith("/agent/v1/poll")) return false;
      response.writeHead(503).end();
      return true;
    };
    const agent = start();
    await until(() => told().includes("READY=1 STATUS=node n1 of north in lab\n"));
    // a broker that is away is no reason to be started anew
    await until(() => told().split("WATCHDOG=1\n").length > 3);
    agent.kill("SIGTERM");
    await exit(agent);
    await until(() => told().includes("STOPPING=1\n"));
  });

  test("finds every hop well with `doctor`, and names the first that is not", async () => {
    const report = await said(start("doctor", "--json"));
    const findings = report
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(findings.filter(({ level }) => level === "fail")).toEqual([]);
    expect(findings.map(({ hop }) => hop)).toEqual(
      expect.arrayContaining(["dns", "tcp", "broker", "disk", "memory", "user", "guard"]),
    );
    const closed = start("doctor", "--json", "--url", "http://127.0.0.1:1");
    expect(await said(closed)).toContain('"hop":"tcp","level":"fail"');
    expect(closed.exitCode).toBe(1);
  });

  test("says what it does not understand, with code 64", async () => {
    expect(await exit(start("run", "--cpus", "many"))).toBe(64);
    expect(await exit(start("fly"))).toBe(64);
    expect(readdirSync(root)).not.toContain("run");
    expect(folderHash(data)).toMatch(/^[0-9a-f]{8}$/);
  });
});

describe("an agent on another system than Linux", () => {
  const MAC = "data:text/javascript,Object.defineProperty(process,'platform',{value:'darwin'})";
  const run = (...words: string[]) =>
    spawnSync(process.execPath, ["--import", MAC, "agent/main.ts", ...words], { encoding: "utf8", env: {} });

  test("says that tasks need Linux, with code 64", () => {
    const { status, stderr } = run("run");
    expect(status).toBe(64);
    expect(stderr).toContain("tasks need Linux yet, and this is darwin");
  });

  test("tells its version and its help, and examines the way to the broker", () => {
    expect(run("version").stdout).toMatch(/^\d+\.\d+/);
    expect(run("help").stdout).toContain("hansa-agent run");
    const { status, stdout } = run("doctor", "--url", "http://127.0.0.1:1");
    expect(status).toBe(1);
    expect(stdout).toMatch(/ok {3}dns.*fail tcp.*fail platform/s);
    expect(stdout).not.toContain("disk");
  });
});
