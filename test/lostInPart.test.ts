/** A cluster that lost most of its nodes: what ran on them goes where there is room, and keeps nobody out of it. */
import { beforeEach, expect, test } from "vitest";
import { PlayedLeague } from "./support/playedLeague.ts";

let league: PlayedLeague;
beforeEach(() => {
  league = new PlayedLeague(["north", "south"]);
});

/** Seven of north's eight nodes fall silent for good; south has eight that are idle. */
test("when most of a cluster is lost, its work runs in another that is idle", () => {
  for (let i = 0; i < 8; i++) league.join("north", `n${i}`);
  league.submit("service1", { command: "serve", count: 8, resources: { cpus: 1 }, disconnect: { stopAfter: "30s" } });
  league.pass(5_000);
  const view = () => league.job("service1");
  expect(view().counts.live).toBe(8);
  league.agents.splice(1);
  for (let i = 0; i < 8; i++) league.join("south", `s${i}`);
  league.pass(120_000);
  expect(view().counts.live).toBe(8);
  const told = () => (league.broker.call("metrics", {}) as Record<string, number>).grants_sent_total;
  const before = told();
  league.pass(300_000);
  expect(view().counts.live).toBe(8);
  expect(told()).toBe(before);
});

test("and does not keep that other one from those who could use it", () => {
  for (let i = 0; i < 8; i++) league.join("north", `n${i}`);
  league.submit("service1", { command: "serve", count: 8, resources: { cpus: 1 }, disconnect: { stopAfter: "30s" } });
  league.pass(5_000);
  league.agents.splice(1);
  for (let i = 0; i < 8; i++) league.join("south", `s${i}`);
  league.pass(300_000);
  league.submit("another1", {
    command: "other",
    count: 8,
    resources: { cpus: 1 },
    clusters: ["south"],
    role: "web",
  });
  league.pass(300_000);
  const live = (id: string) => league.job(id).counts.live;
  expect(live("service1") + live("another1")).toBe(9);
});
