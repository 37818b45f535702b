/** A machine becomes a node by the line that `token create --join` prints: real broker, real shell, real agent. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { getNode, removeNode } from "../../cli/api/endpoints.ts";
import { hansaOf } from "./hansa.ts";
import { League } from "./league.ts";
import { endAllOf, lives, processesOf, until } from "./processes.ts";
import { Home, NOBODY, System } from "./site.ts";
import { removeTraces } from "./traces.ts";

vi.setConfig({ testTimeout: 60_000 });

let league: League;
let data: string;
beforeEach(async () => {
  league = await League.start(["home"]);
});
afterEach(async () => {
  await endAllOf(data);
  removeTraces(data);
  removeTraces(data, NOBODY);
  await league.end();
});

/** The very line that the command shows. */
async function lineFor(cluster: string): Promise<string> {
  const { stderr, stdout } = await hansaOf(league, ["token", "create", "--join", cluster]);
  const line = stderr.split("\n").find((shown) => shown.startsWith("curl "));
  expect(line).toBe(`curl -fsSL ${league.broker.url}/install | sh -s -- --token ${stdout.trim()}`);
  return line ?? "";
}
const loudly = (context: { skip(note: string): void }, why: string) => {
  console.warn(`SKIPPED, not shown on this machine: ${why}`);
  context.skip(why);
};

/** A job whose one task runs until it is let go. */
async function longTask(): Promise<{ id: string; pid: number; letGo: string }> {
  const command = `echo $$ >${league.marks}/pid.new; mv ${league.marks}/pid.new ${league.marks}/pid; while [ ! -e ${league.marks}/go ]; do sleep 0.1; done`;
  const { id } = await league.submit({ command, resources: { cpus: 0.1, mem: "16MiB" } });
  const mark = join(league.marks, "pid");
  await until("the task runs", () => existsSync(mark));
  return { id, pid: Number(readFileSync(mark, "utf8")), letGo: `touch ${league.marks}/go` };
}

test("in an empty home: joins, runs work, upgrades in place with its work alive, and leaves", async (context) => {
  const home = new Home(league.root);
  data = join(home.path, ".local/share/hansa-agent");
  if (home.obstacle) return loudly(context, home.obstacle);
  const line = await lineFor("home");
  const words = "--name n1 --label zone=a --cpus 1";

  const dry = await home.run(`${line} ${words} --dry-run`);
  expect(dry, dry.stderr).toMatchObject({ code: 0 });
  expect(dry.stdout).toContain(`write ${data}/agent.json (mode 600)`);
  expect(existsSync(join(home.path, ".local"))).toBe(false);

  const first = await home.run(`${line} ${words}`);
  expect(first, first.stderr).toMatchObject({ code: 0 });
  expect(first.stdout).toContain("joined as node n1 of home in test");
  expect(first.stdout).toMatch(/node home\/n1 as the broker sees it: up\n {2}cpus 1, .*\n.* zone=a/);
  expect(statSync(join(data, "agent.json")).mode & 0o777).toBe(0o600);
  expect(readFileSync(join(data, "agent.json"), "utf8")).not.toContain("hns_");

  const task = await longTask();
  const again = await home.run(`${line} --label zone=b`);
  expect(again, again.stderr).toMatchObject({ code: 0 });
  expect(again.stdout).toContain("stays node n1 of home");
  expect(await getNode(league.client, "home", "n1")).toMatchObject({
    attributes: { zone: "b" },
    capacity: { cpus: 1000 },
  });
  expect(lives(task.pid)).toBe(true);
  await home.run(task.letGo);
  expect((await league.ended(task.id)).state).toBe("succeeded");

  await removeNode(league.client, "home", "n1");
  await until("the agent has ended for good", () => !existsSync(join(data, "lock")));
  const tokenless = await home.run(line.replace(/ --token .*/, ""));
  expect(tokenless.code).toBe(5);
  expect(tokenless.stderr).toMatch(/does not know n1 of home any more.*\n.*the next step: make a new token/);
  const back = await home.run(line);
  expect(back, back.stderr).toMatchObject({ code: 0 });
  expect(back.stdout).toMatch(/joined as node n1 of home/);
  expect(await getNode(league.client, "home", "n1")).toMatchObject({ state: "up", attributes: { zone: "b" } });

  const gone = await home.run("hansa-agent uninstall --purge");
  expect(gone, gone.stderr).toMatchObject({ code: 0 });
  expect(gone.stdout).toContain("hansa nodes rm home/n1");
  expect(existsSync(data)).toBe(false);
  expect(processesOf(data)).toEqual([]);
});

test("as root under systemd: a unit that a new version takes over with its tasks alive", async (context) => {
  data = join(league.root, "root-data");
  const system = await System.make(league.root);
  if (typeof system === "string") return loudly(context, system);
  try {
    const line = await lineFor("home");
    const first = await system.run(`${line} --data ${data} --name n1`);
    expect(first, first.stderr).toMatchObject({ code: 0 });
    expect(first.stdout).toContain("wrote /usr/local/bin/hansa-agent");
    expect(first.stdout).toMatch(/node home\/n1 as the broker sees it: up/);
    expect(first.stdout).toContain("it starts at every boot");
    const unit = await system.run("cat /etc/systemd/system/hansa-agent.service");
    expect(unit.stdout).toContain(`ExecStart=/usr/local/bin/hansa-agent run --data ${data}\n`);
    expect(existsSync("/etc/systemd/system/hansa-agent.service")).toBe(false);
    expect(system.read("calls")).toMatch(/daemon-reload\nenable hansa-agent.service\nstart hansa-agent.service\n$/);
    await until("the watchdog is fed", () => system.read("told").split("WATCHDOG=1").length > 2);

    const task = await longTask();
    const again = await system.run(`${line} --data ${data}`);
    expect(again, again.stderr).toMatchObject({ code: 0 });
    expect(again.stdout).toContain("stays node n1 of home");
    expect(lives(task.pid)).toBe(true);
    await system.run(task.letGo);
    expect((await league.ended(task.id)).state).toBe("succeeded");

    const gone = await system.run(`hansa-agent uninstall --data ${data}`);
    expect(gone, gone.stderr).toMatchObject({ code: 0 });
    expect(system.read("calls")).toMatch(/disable --now hansa-agent.service\ndaemon-reload\n$/);
    expect((await system.run("ls /etc/systemd/system")).stdout).toBe("");
    expect(existsSync(join(data, "node.json"))).toBe(true);
    await until("nothing of it runs", () => processesOf(data).length === 0);
  } finally {
    await system.end();
  }
});

test("a download that was changed on its way is not installed, and a token that is none joins nothing", async (context) => {
  const home = new Home(league.root);
  data = join(home.path, ".local/share/hansa-agent");
  if (home.obstacle) return loudly(context, home.obstacle);
  const line = await lineFor("home");
  const liar = await changingProxy(league.broker.url);
  const changed = await home.run(line.replace(league.broker.url, liar.url));
  liar.server.close();
  expect(changed.code).toBe(1);
  expect(changed.stderr).toMatch(
    /agent\.cjs is not the agent: its sha256 is .* and should be .*\nnext step: run this again/,
  );
  expect(existsSync(join(home.path, ".local"))).toBe(false);

  const refused = await home.run(line.replace(/hns_join_test_\w{4}/, "hns_join_test_aaaa"));
  expect(refused.code).toBe(5);
  expect(refused.stderr).toMatch(/not joined: .*\n.*the next step: make a new token/);
  expect(processesOf(data)).toEqual([]);
  const none = await home.run(line.replace(/ --token .*/, ""));
  expect(none.code).toBe(64);
  expect(none.stderr).toContain("install needs --url and --token");
});

/** Between machine and broker; one byte of the agent is another on its way. */
async function changingProxy(broker: string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    void fetch(`${broker}${request.url}`).then(async (answer) => {
      const body = Buffer.from(await answer.arrayBuffer());
      if (request.url === "/agent.cjs") body[1000] = (body[1000] ?? 0) ^ 1;
      response.end(request.url === "/install" ? body.toString().replaceAll(broker, url) : body);
    });
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  return { url, server };
}
