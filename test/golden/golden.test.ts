/**
 * Messages that earlier versions wrote are taken today, and mean what they meant; those of a later version, which say
 * more, are taken as if they did not.
 */
import { describe, expect, test } from "vitest";
import { initialState, step } from "../../agent/core/step.ts";
import { isJoinReply, isPollReply, offsetIn } from "../../agent/host/broker/replyShape.ts";
import { Broker } from "../../src/broker/broker.ts";
import { Cluster } from "../../src/cluster/cluster.ts";
import { Framework } from "../../src/framework/framework.ts";
import { namedKey, verifyCredential } from "../../src/model/credential.ts";
import { macKey } from "../../src/model/digest.ts";
import { jobSpecSchema } from "../../src/model/job.ts";
import type { ObjectKind, ObjectRef, Platform, Turns } from "../../src/platform/seam.ts";
import { joinRequestSchema, type PollReply, pollRequestSchema } from "../../src/protocol/agent.ts";
import type { GrantMessage, Report } from "../../src/protocol/levels.ts";
import { harness, type ObjectHome } from "../sim/nodeSqlite.ts";
import { older } from "../sim/world/older.ts";
import { goldenOf, versions } from "./golden.ts";
import { extended, type Json, withoutLater } from "./shape.ts";

const KEEP = "keep taking it: docs/protocol.md, How the wire may change";
const all = versions().flatMap((version) =>
  goldenOf(version).flatMap(({ kind, messages }) =>
    messages.map((message, i) => ({ version, kind, message, name: `${version} ${kind} ${i}` })),
  ),
);
const of = (kind: string) => all.filter((one) => one.kind === kind);
const plain = (value: unknown): Json => JSON.parse(JSON.stringify(value ?? null));

test("there are messages of each version, as the file says", () => {
  expect(versions()).not.toEqual([]);
  for (const version of versions())
    for (const golden of goldenOf(version)) expect(golden, golden.kind).toMatchObject({ version });
});

describe("the Worker takes", () => {
  test.each(of("agent.poll"))("the poll $name", ({ message }) => {
    expect(pollRequestSchema.parse(message), KEEP).toEqual(message);
    expect(pollRequestSchema.parse(extended(message)), KEEP).toEqual(message);
  });
  test.each(of("agent.join"))("the join $name", ({ message }) => {
    expect(joinRequestSchema.parse(message), KEEP).toEqual(message);
    expect(joinRequestSchema.parse(extended(message)), KEEP).toEqual(message);
  });
  test.each(of("credential"))("the credential of $name", async ({ message }) => {
    const key = await namedKey(await macKey("the secret of a record"));
    const { text, claims } = message as { text: string; claims: Json };
    expect(await verifyCredential([key], text), KEEP).toEqual(claims);
  });
});

/** One that has a guard, knows what it has, and waits for just this reply. */
function waitingFor({ session, seq }: PollReply) {
  const inventory = { capacity: {}, attributes: {}, drivers: ["process"], version: "test" };
  const start = { boot: "b", machine: "m", nonce: "nonce-01", inventory, nowMs: 0 };
  const { state } = initialState([{ type: "session", session: session - 1, boot: "b" }], start);
  const guarded = step(state, { type: "guard", alive: true }, 0, 0).state;
  const { state: ready } = step(guarded, { type: "recovered", attempts: [] }, 0, 0);
  return { ...ready, session, inFlight: { seq, sentAtMs: 0, held: true, inventoryRev: 0 } };
}

describe("an agent takes", () => {
  test.each(of("agent.join.answer"))("$name", ({ message }) => {
    expect([message, extended(message)].map(isJoinReply), KEEP).toEqual([true, true]);
  });
  test.each(of("agent.upload.answer"))("$name", ({ message }) => {
    const { offset } = message as { offset: number };
    expect([message, extended(message)].map(offsetIn), KEEP).toEqual([offset, offset]);
  });
  test.each(of("agent.reply"))(
    "the reply $name, starts what it assigns, and hears no more of a later one",
    ({ message }) => {
      const told = [message, extended(message), older("agent.reply", message)] as unknown[];
      expect(told.map(isPollReply), KEEP).toEqual([true, true, true]);
      const [reply, later] = told as [PollReply, PollReply];
      const taken = step(waitingFor(reply), { type: "reply", reply }, 0, 0);
      const keys = reply.assignments.map(({ task, epoch }) => `${task}@${epoch}`);
      expect([...taken.state.attempts.keys()], KEEP).toEqual(keys);
      expect(taken.state.action).toBe(reply.action);
      const same = step(waitingFor(later), { type: "reply", reply: later }, 0, 0);
      expect(withoutLater(plain(same.effects))).toEqual(plain(taken.effects));
      expect(withoutLater(plain([...same.state.attempts]))).toEqual(plain([...taken.state.attempts]));
    },
  );
});

const LEAGUE = "league";
const BUILT: Record<string, (platform: Platform) => Turns> = {
  broker: (platform) => new Broker(platform),
  cluster: (platform) => new Cluster(platform),
  framework: (platform) => new Framework(platform),
};
const NAMES: Record<string, string> = { broker: "", cluster: "north", framework: "framework-0" };
const refOf = (kind: string): ObjectRef => ({ kind: kind as ObjectKind, league: LEAGUE, name: NAMES[kind] ?? "" });

type Said = "as it was" | "by a later version" | "by one before";
/** The same object twice more: one hears what a later version would have said, and one what a version that knew less. */
function asked(
  kind: string,
  message: Json,
  ask: (home: ObjectHome<Turns>, message: Json) => unknown,
  ready = (_: ObjectHome<Turns>) => {},
) {
  const [to = ""] = kind.split(".");
  const build = BUILT[to];
  if (!build) throw new Error(`no object takes ${kind}`);
  const outcome = (text: Json) => {
    const home = harness(build, refOf(to));
    ready(home);
    home.takeEffects();
    const answer = plain(ask(home, text));
    const { effects } = home;
    home.verifyRows();
    return withoutLater(plain({ answer, effects }));
  };
  return {
    "as it was": outcome(message),
    "by a later version": outcome(extended(message)),
    "by one before": outcome(older(kind, message)),
  } satisfies Record<Said, Json>;
}

/** The cluster is there, and jobs of which all that is told may be so. */
function withJobsOf({ cluster, jobs }: Report) {
  return (home: ObjectHome<Turns>) => {
    home.call("createCluster", { name: cluster, labels: {}, idempotency: null });
    for (const { job } of jobs) {
      const spec = jobSpecSchema.parse({ command: "true", count: 40 });
      home.call("submit", { id: job, digest: "d", spec });
    }
  };
}

describe("a Broker takes", () => {
  test.each(of("broker.report"))("$name", ({ kind, message }) => {
    const report = message as unknown as Report;
    const told = asked(
      kind,
      message,
      (home, text) => {
        const answer = home.call("report", text);
        const { nodes } = home.call("cluster", { name: report.cluster }) as { nodes: unknown };
        return { answer, nodes, jobs: report.jobs.map(({ job }) => home.call("job", { id: job })) };
      },
      withJobsOf(report),
    );
    expect(told["by a later version"], KEEP).toEqual(told["as it was"]);
    const { up, silent, total } = report.nodes;
    expect(told["as it was"], KEEP).toMatchObject({
      answer: { nodes: { up, silent, total }, answer: { rev: report.rev } },
    });
  });
});

describe("a Cluster takes", () => {
  test.each(of("cluster.grant"))("$name", ({ kind, message }) => {
    const { grants } = message as unknown as GrantMessage;
    const told = asked(kind, message, (home, text) => {
      const { incarnation } = (home.object as Cluster).inspect();
      return home.call("grant", { ...(text as object), clusterIncarnation: incarnation });
    });
    expect(told["by a later version"], KEEP).toEqual(told["as it was"]);
    expect(told["by one before"], KEEP).toEqual(told["as it was"]);
    const jobs = grants.map(({ job, gen }) => expect.objectContaining({ job, genApplied: gen }));
    if (jobs.length === 0) return;
    const { effects } = told["as it was"] as unknown as { effects: { method?: string; args?: Report }[] };
    const report = effects.find(({ method }) => method === "report")?.args;
    expect(report?.jobs, KEEP).toEqual(expect.arrayContaining(jobs));
  });
});

const subscription = (home: ObjectHome<Turns>): void => {
  const [first] = of("socket.subscribe");
  home.message(home.openSocket(), first?.message);
};
/** What was asked, as far as an answer to it goes. */
const requestOf = (kind: string): Json => of(kind)[0]?.message ?? {};

describe("what else objects say to each other is taken:", () => {
  const calls = all.filter(
    ({ kind }) => /^(cluster|broker|framework)\.\w+$/.test(kind) && !["broker.report", "cluster.grant"].includes(kind),
  );
  test.each(calls)("$name", ({ kind, message }) => {
    const [to, method = ""] = kind.split(".");
    const ready = to === "framework" ? subscription : () => {};
    const told = asked(kind, message, (home, text) => home.call(method, text), ready);
    expect(told["by a later version"], KEEP).toEqual(told["as it was"]);
  });

  const ASKS: Record<string, string> = { report: "cluster", tell: "cluster", grant: "broker", poke: "broker" };
  const answers = all.filter(
    ({ kind }) => /^(cluster|broker|framework)\.\w+\.answer$/.test(kind) && !/\.(call|poll)\./.test(kind),
  );
  test.each(answers)("$name", ({ kind, message }) => {
    const [from = "", method = ""] = kind.split(".");
    const asker = ASKS[method] ?? "framework";
    const ready = asker === "framework" ? subscription : () => {};
    const told = asked(
      `${asker}.${method}`,
      message,
      (home, value) => home.result(refOf(from), method, requestOf(`${from}.${method}`), { ok: true, value }),
      ready,
    );
    expect(told["by a later version"], KEEP).toEqual(told["as it was"]);
  });

  const OPENS: Record<string, string> = { poll: "cluster", wake: "cluster", watch: "broker", subscribe: "framework" };
  const opened = all.filter(({ kind }) => /^socket\.\w+$/.test(kind));
  test.each(opened)("$name", ({ kind, message }) => {
    const to = OPENS[kind.slice("socket.".length)] ?? "";
    const told = asked(`${to}.${kind}`, message, (home, text) => home.message(home.openSocket(), text));
    expect(told["by a later version"], KEEP).toEqual(told["as it was"]);
  });
});
