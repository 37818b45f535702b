import { expect, it } from "vitest";
import { balanceLine } from "../commands/ledger.ts";
import { totalOf, used, usedList } from "./used.ts";

it("use over time is told in a unit that suits it", () => {
  expect(used("cpus", 0.1064)).toBe("0.11 s");
  expect(used("cpus", 119)).toBe("119 s");
  expect(used("cpus", 600)).toBe("10 min");
  expect(used("gpus", 36_000)).toBe("10 h");
  expect(used("mem", 1536)).toBe("1.5 GiB s");
  expect(used("mem", 1024 * 7200 * 3)).toBe("6 GiB h");
  expect(usedList(totalOf([{ cpus: 60 }, { cpus: 60, mem: 0 }]))).toBe("2 min cpus");
});

it("the ledger says that what is lent is borrowed", () => {
  const none = { used: {}, own: {}, common: {}, borrowed: {}, lent: {} };
  const roles = [
    { ...none, role: "lab", lent: { cpus: 7200 } },
    { ...none, role: "web", borrowed: { cpus: 7200 } },
  ];
  expect(balanceLine({ entries: [], roles, balanced: true })).toBe("balances: lent 2 h cpus = borrowed 2 h cpus");
  expect(balanceLine({ entries: [], roles: [], balanced: true })).toBe("balances: lent nothing = borrowed nothing");
  expect(balanceLine({ entries: [], roles: roles.slice(0, 1), balanced: false })).toBe(
    "does not balance: lent 2 h cpus ≠ borrowed nothing",
  );
});
