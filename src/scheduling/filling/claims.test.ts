import { expect, test } from "vitest";
import { explain } from "../explain/explain.ts";
import { job, league, partition, running } from "../round.fixture.ts";
import { round } from "../round.ts";

test("a claim that comes to nothing leaves the priority of its would-be victims' role as it was", () => {
  // Lab needs 3 of its own at once; web may be stopped of 2 alone, for the other 2 are guaranteed to it.
  const partitions = [partition("p", { cpus: 4 }, { owner: "lab" }), partition("q", { cpus: 2 })];
  const low = job("low", { cpus: 1 }, 9, { role: "web", priority: 10, held: running({ p: 4 }) });
  const high = job("high", { cpus: 1 }, 1, { role: "web", priority: 90, clusters: ["p"] });
  const desk = job("desk", { cpus: 1 }, 2, { role: "desk", held: running({ q: 2 }) });
  const lab = job("lab", { cpus: 3 }, 1, { role: "lab", clusters: ["p"] });
  const roles = { web: { guarantee: { cpus: 2 } } };
  const without = round(league(partitions, [low, desk, high], roles));
  expect(without.claims.get("high")?.get("p/default")).toMatchObject({ priority: 1 });
  const beside = round(league(partitions, [low, desk, lab, high], roles));
  expect(beside.claims.get("lab")).toBeUndefined();
  expect(beside.entitled.get("high")?.get("p/default")).toBe(1);
  expect(beside.claims.get("high")?.get("p/default")).toMatchObject({ priority: 1 });
});

test("the position of a job counts those of higher priority in its role, and not those of lower", () => {
  const busy = job("busy", { cpus: 1 }, 9, { role: "lab", priority: 95, held: running({ p: 2 }) });
  const old = job("old", { cpus: 1 }, 3, { role: "lab", priority: 10 });
  const high = job("high", { cpus: 1 }, 3, { role: "lab", priority: 90 });
  const input = league([partition("p", { cpus: 2 })], [busy, old, high]);
  const result = round(input);
  const position = (one: typeof old) =>
    explain({ input, result, job: one, texts: [], local: null, held: null, silenceLeftMs: null }).position;
  expect(position(high)).toBe(2); // busy waits too, with a higher one
  expect(position(old)).toBe(3);
});

test("a claim at one role's limit waits only for others that come to something", () => {
  // `own` is at its role's limit by what `other` borrows; `desk` has a guarantee, and a task too large to be made room for.
  const partitions = [partition("p", { cpus: 10 }, { owner: "lab/own" }), partition("q", { cpus: 8 })];
  const other = job("other", { cpus: 1 }, 9, { role: "lab/other", held: running({ p: 4 }), clusters: ["p"] });
  const web = job("web", { cpus: 1 }, 6, { role: "web", held: running({ p: 6 }) });
  const busy = job("busy", { cpus: 1 }, 8, { role: "busy", held: running({ q: 8 }) });
  const own = job("own", { cpus: 1 }, 2, { role: "lab/own", clusters: ["p"] });
  const desk = job("desk", { cpus: 6 }, 1, { role: "desk", clusters: ["p"] });
  const roles = { lab: { limit: { cpus: 4 } }, desk: { guarantee: { cpus: 6 } }, web: { guarantee: { cpus: 6 } } };
  const alone = round(league(partitions, [other, web, busy, own], roles));
  const beside = round(league(partitions, [other, web, busy, own, desk], roles));
  expect(alone.claims.get("own")?.get("p/default")).toMatchObject({ own: 2 });
  expect(beside.claims.get("own")?.get("p/default") ?? beside.claims.get("desk")?.get("p/default")).toBeDefined();
});
