import { expect, it } from "vitest";
import type { RoleView } from "../../src/model/views.ts";
import { asTree, changeOfRole, roleNamed } from "./role.ts";

const role = (name: string, over: Partial<RoleView> = {}): RoleView => ({
  name,
  configured: true,
  weight: 2,
  guarantee: { cpus: 4000, mem: 8_192_000 },
  limit: {},
  lend: {},
  borrow: {},
  owns: [],
  entitled: {},
  charged: {},
  history: {},
  share: 0,
  jobs: 0,
  notes: [],
  ...over,
});

it("what is not named stays as it is, also single amounts", () => {
  expect(changeOfRole(role("lab"), { guarantee: "cpus=8", limit: "gpus=0" })).toEqual({
    body: { weight: 2, guarantee: { cpus: "8", mem: "8GiB" }, limit: { gpus: "0" }, lend: {}, borrow: {} },
    outcome: "changed",
    changes: ["guarantee cpus=4,mem=8GiB → cpus=8,mem=8GiB", "limit none → gpus=0"],
  });
  expect(changeOfRole(role("lab"), { weight: 2, guarantee: "mem=8192MiB" }).outcome).toBe("unchanged");
  expect(changeOfRole(role("lab"), { guarantee: "none", borrow: "all" })).toMatchObject({
    body: { guarantee: {} },
    changes: ["guarantee cpus=4,mem=8GiB → none"],
  });
});

it("a role that only has the defaults is created", () => {
  const defaults = { configured: false, weight: 1, guarantee: {} };
  expect(changeOfRole(role("lab", defaults), { weight: 3 })).toMatchObject({
    outcome: "created",
    changes: ["weight 3"],
  });
});

it("wrong amounts are told by field", () => {
  expect(() => changeOfRole(role("lab"), { limit: "cpus=lots" })).toThrow(/role lab: one field is wrong/);
  expect(() => changeOfRole(role("lab"), { weight: 0 })).toThrow(/role lab/);
});

it("each stands under its parent", () => {
  const names = asTree(["lab/ml", "lab-x", "web", "lab", "lab/bio", "lab/ml/a"].map((name) => role(name)));
  expect(names.map(({ name }) => name)).toEqual(["lab", "lab/bio", "lab/ml", "lab/ml/a", "lab-x", "web"]);
});

it("a role has a name of up to four parts", () => {
  expect(roleNamed("lab/ml")).toBe("lab/ml");
  for (const typed of ["Lab", "lab/", "a/b/c/d/e", ""]) expect(() => roleNamed(typed), typed).toThrow(/names no role/);
});
