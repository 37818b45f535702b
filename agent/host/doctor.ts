/** Checks every hop between this machine and a running task, in order, and names the one that fails. */
import { spawnSync } from "node:child_process";
import { lookup } from "node:dns/promises";
import { statfsSync, unlinkSync } from "node:fs";
import { connect, isIP } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { Transport } from "#agent/transport";
import { AGENT_PROTOCOL } from "../../src/protocol/limits.ts";
import { VERSION } from "../version.ts";
import { Broker, jsonIn } from "./broker/broker.ts";
import { proxyOf } from "./broker/proxy.ts";
import { bootId, uptimeMs } from "./clock.ts";
import { examineDaemon } from "./docker/daemon.ts";
import { findSocket } from "./docker/socket.ts";
import { messageOf, readIfThere, writeDurably } from "./files.ts";
import { findRunFolder, folderHash, isVolatile, makeRunFolder, makeTasksFolder } from "./folders.ts";
import { parseBeat } from "./guard/beat.ts";
import { BEAT_FILE } from "./guard/script.ts";
import { credentialEnd, type Identity } from "./identity.ts";
import { isDiskLow } from "./inventory.ts";
import { holderOf } from "./journal/lock.ts";
import type { AgentOptions } from "./options.ts";
import { isMemoryLow, readMemory } from "./pressure.ts";
import { Cgroups, openCgroups } from "./process/cgroups.ts";
import { limitHealth } from "./process/limits.ts";
import { canReach, type User } from "./process/user.ts";
import { isAlive } from "./procfs.ts";
import { sandboxPlan } from "./sandbox/plan.ts";

const HOP_MS = 10_000;
/** Beyond this a certificate may look expired or not yet valid. Nothing else compares clocks. */
const CLOCK_WARN_MS = 60_000;
const SLOW_SYNC_MS = 100;
const CREDENTIAL_WARN_DAYS = 3;
const DAY_S = 86_400;

export interface Finding {
  hop: string;
  level: "ok" | "warn" | "fail";
  detail: string;
}
type Verdict = Omit<Finding, "hop">;

const ok = (detail: string): Verdict => ({ level: "ok", detail });
const warn = (detail: string): Verdict => ({ level: "warn", detail });
const fail = (detail: string): Verdict => ({ level: "fail", detail });

/** @param url of the broker, joined or not @param user of the tasks; null where there can be none */
export async function examine(
  options: AgentOptions,
  url: string | null,
  identity: Identity | null,
  user: User | null,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  const check = async (hop: string, look: () => Verdict | Promise<Verdict>): Promise<boolean> => {
    const verdict = await Promise.resolve()
      .then(look)
      .catch((error: unknown) => fail(messageOf(error)));
    findings.push({ hop, ...verdict });
    return verdict.level !== "fail";
  };

  if (url === null) findings.push({ hop: "broker", ...fail("no broker is known; give --url, or join") });
  else await checkPath(new URL(url), options, identity, check);
  if (user) await checkMachine(options, user, check);
  return findings;
}

type Check = (hop: string, look: () => Verdict | Promise<Verdict>) => Promise<boolean>;

/** Stops at the first hop that fails: those behind it can say nothing. */
async function checkPath(url: URL, options: AgentOptions, identity: Identity | null, check: Check): Promise<void> {
  const secure = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (secure ? 443 : 80);
  const proxy = proxyOf(process.env);
  if (proxy)
    await check("proxy", () =>
      ok(
        Object.entries(proxy)
          .map(([name, value]) => `${name}=${value}`)
          .join(" "),
      ),
    );
  else {
    if (!(await check("dns", async () => ok(`${host} is ${(await lookup(host)).address}`)))) return;
    if (!(await check("tcp", () => checkTcp(host, port)))) return;
    if (secure && !(await check("tls", () => checkTls(host, port, options.caFile)))) return;
  }
  const transport = new Transport({ url: url.href, caFile: options.caFile, environment: process.env });
  try {
    if (!(await check("broker", () => checkHealth(transport, check)))) return;
    await check("version", () => checkVersion(transport));
    await check("credential", () => checkCredential(transport, identity));
  } finally {
    transport.close();
  }
}

function checkTcp(host: string, port: number): Promise<Verdict> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: HOP_MS });
    const end = (verdict: Verdict) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.on("connect", () => end(ok(`connected to ${socket.remoteAddress} port ${port}`)));
    socket.on("timeout", () => end(fail(`no answer from ${host} port ${port} within ${HOP_MS / 1000} s: a firewall?`)));
    socket.on("error", (error) => end(fail(error.message)));
  });
}

function checkTls(host: string, port: number, caFile: string | null): Promise<Verdict> {
  const extra = caFile === null ? null : readIfThere(caFile);
  if (caFile !== null && extra === null) return Promise.resolve(fail(`--ca-file ${caFile}: there is no such file`));
  return new Promise((resolve) => {
    const socket = tls.connect({
      host,
      port,
      timeout: HOP_MS,
      ...(isIP(host) === 0 && { servername: host }),
      ...(extra !== null && { ca: [...tls.rootCertificates, extra] }),
    });
    const end = (verdict: Verdict) => {
      socket.destroy();
      resolve(verdict);
    };
    socket.on("secureConnect", () => {
      const { issuer, valid_to } = socket.getPeerCertificate();
      end(ok(`${socket.getProtocol()}, issued by ${issuer?.O ?? issuer?.CN ?? "?"}, valid to ${valid_to}`));
    });
    socket.on("timeout", () => end(fail("the handshake does not finish")));
    socket.on("error", (error) =>
      end(
        fail(
          `${error.message}${caFile === null ? "; behind a proxy that opens TLS, name its authority with --ca-file" : ""}`,
        ),
      ),
    );
  });
}

async function checkHealth(transport: Transport, check: Check): Promise<Verdict> {
  const answer = await transport.exchange({ method: "GET", path: "/healthz", deadlineMs: HOP_MS });
  const date = Date.parse(answer.headers.date ?? "");
  if (Number.isFinite(date)) await check("clock", () => checkClock(Date.now() - date));
  return answer.status === 200
    ? ok("answers")
    : fail(`/healthz says HTTP ${answer.status}: ${answer.body.toString("utf8", 0, 200).trim()}`);
}

async function checkVersion(transport: Transport): Promise<Verdict> {
  const answer = await transport.exchange({ method: "GET", path: "/version", deadlineMs: HOP_MS });
  return agreement(jsonIn(answer));
}

/** @param told what the broker says of its version */
export function agreement(told: unknown): Verdict {
  const { hansa, agentProtocol } = Object(told) as Record<string, unknown>;
  if (typeof hansa !== "string" || typeof agentProtocol !== "number")
    return warn("the broker does not say which it is of");
  const both = `this agent is ${VERSION}, the broker ${hansa}`;
  if (agentProtocol > AGENT_PROTOCOL)
    return fail(
      `${both}, which serves no agent before protocol ${agentProtocol}, and this one speaks ${AGENT_PROTOCOL}: run the line of \`hansa token create --join\` again, it upgrades in place`,
    );
  return agentProtocol < AGENT_PROTOCOL
    ? warn(`${both}, and may not know what this agent says: update the broker`)
    : ok(both);
}

const checkClock = (aheadMs: number): Verdict =>
  Math.abs(aheadMs) < CLOCK_WARN_MS
    ? ok("agrees with the broker's")
    : warn(
        `is ${Math.round(Math.abs(aheadMs) / 1000)} s ${aheadMs > 0 ? "ahead of" : "behind"} the broker's; only certificates care`,
      );

async function checkCredential(transport: Transport, identity: Identity | null): Promise<Verdict> {
  if (identity === null) return warn("this node has not joined yet");
  const endS = credentialEnd(identity.credential);
  if (endS === null) return fail("the credential in node.json can't be read; join anew");
  const leftDays = (endS - Date.now() / 1000) / DAY_S;
  if (leftDays < 0) return fail("the credential has expired; join anew");
  // asked without an upgrade, the wake socket says who we are to it and nothing else
  const headers = new Broker(transport, identity.credential).headers();
  const answer = await transport.exchange({ method: "GET", path: "/agent/v1/wake", headers, deadlineMs: HOP_MS });
  if (answer.status === 401 || answer.status === 403) return fail("the broker refuses the credential; join anew");
  const text = `${identity.node} of ${identity.cluster} in ${identity.league}, ${Math.floor(leftDays)} days left`;
  return leftDays < CREDENTIAL_WARN_DAYS ? warn(`${text}: it should have been renewed`) : ok(text);
}

async function checkMachine(options: AgentOptions, user: User, check: Check): Promise<void> {
  const uid = process.getuid?.() ?? 0;
  const opened = openCgroups(folderHash(options.data), user, options.limits);
  await check("agent", () => {
    const holder = holderOf(join(options.data, "lock"), bootId());
    return holder ? ok(`runs as process ${holder.pid}`) : warn("none runs on this data folder");
  });
  await check("disk", () => {
    const startedMs = performance.now();
    const probe = join(options.data, "doctor");
    writeDurably(probe, "");
    const tookMs = performance.now() - startedMs;
    unlinkSync(probe);
    if (isDiskLow(statfsSync(options.data))) return fail("nearly full: this node takes nothing new");
    const text = `a synced write takes ${tookMs.toFixed(1)} ms`;
    return tookMs > SLOW_SYNC_MS ? warn(`${text}; each task needs two`) : ok(text);
  });
  await check("memory", () => {
    const memory = readMemory(readIfThere);
    if (memory === null) return warn("the kernel does not say how much is available");
    const text = `${Math.round(memory.availableMib)} of ${Math.round(memory.totalMib)} MiB available`;
    return isMemoryLow(memory, false) ? fail(`${text}: this node takes nothing new`) : ok(text);
  });
  await check("user", () => {
    const tasks = makeTasksFolder(options.data, user);
    return canReach(user, tasks)
      ? ok(`tasks run as ${user.name} below ${tasks}`)
      : fail(`${user.name} can't reach ${tasks}`);
  });
  await check("shell", () => {
    const { status, error } = spawnSync("/bin/sh", ["-c", 'read -r up _ </proc/uptime && [ -n "$up" ]'], {
      ...user.ids,
      cwd: "/",
    });
    return status === 0 ? ok("/bin/sh reads /proc/uptime") : fail(error?.message ?? "/bin/sh can't read /proc/uptime");
  });
  await check("cgroup", () => {
    return opened instanceof Cgroups
      ? ok(opened.base)
      : warn(`${opened.missing}; a task that leaves its process group is not seen`);
  });
  await check("limits", () => {
    const cgroups = opened instanceof Cgroups ? opened : null;
    const { limits, detail } = limitHealth(cgroups?.controllers ?? [], options.limits);
    return limits.includes("mem") && limits.includes("pids") ? ok(detail) : warn(detail);
  });
  await check("sandbox", async () => {
    const tasks = makeTasksFolder(options.data, user);
    const cgroups = opened instanceof Cgroups ? opened : null;
    const folders = { tasks, hidden: [options.data], trial: join(options.data, "doctor-trial") };
    const { healthy, detail } = await sandboxPlan({ user, hidesGpus: false, cgroups, ...folders }).probe();
    return healthy ? ok(`works with ${detail}`) : warn(`no driver sandbox: ${detail}`);
  });
  await check("docker", async () => {
    const { healthy, detail } = await examineDaemon(findSocket(options.dockerHost, process.env), options.limits);
    const asked = options.drivers?.includes("docker") || options.dockerHost !== null;
    return healthy ? ok(detail) : asked ? warn(`no driver docker: ${detail}`) : ok(`none: ${detail}`);
  });
  await check("guard", () => {
    const run = findRunFolder(options.runFolder, options.data, uid, process.env);
    const beat = parseBeat(readIfThere(join(run, BEAT_FILE)) ?? "");
    const text =
      beat && isAlive(beat.pid, beat.atMs) ? `process ${beat.pid}, beat ${uptimeMs() - beat.atMs} ms ago` : null;
    makeRunFolder(options.runFolder, options.data, uid, process.env);
    if (!isVolatile(run)) return warn(`${run} is not on a tmpfs; ${text ?? "not running"}`);
    return text ? ok(text) : ok(`not running; it comes with the agent, in ${run}`);
  });
}
