import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { brokerUrl, findContext, resolveAccess, userContextPath, writeContext } from "./context.ts";

let root: string;
let env: NodeJS.ProcessEnv;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hansa-context-"));
  env = { HOME: join(root, "home") };
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const near = { url: "http://127.0.0.1:8787", token: "near", league: "local" };
const users = { url: "https://hansa.example.org", token: "users" };

function folders(): string {
  const deep = join(root, "work", "a", "b");
  mkdirSync(deep, { recursive: true });
  return deep;
}

it("the nearest context up the tree wins over the user's", () => {
  const cwd = folders();
  writeContext(userContextPath(env), users);
  expect(findContext({ cwd, env })).toEqual(users);
  writeContext(join(root, "work", ".hansa", "context.json"), near);
  expect(findContext({ cwd, env })).toEqual(near);
});

it("the checkout that npm runs in is looked at after the folder of the person", () => {
  writeContext(join(root, "checkout", ".hansa", "context.json"), near);
  expect(findContext({ cwd: folders(), checkout: join(root, "checkout"), env })).toEqual(near);
});

it("the user's context is in XDG_CONFIG_HOME when that is set", () => {
  expect(userContextPath({ XDG_CONFIG_HOME: "/etc/xdg" })).toBe("/etc/xdg/hansa/context.json");
});

it("a context is readable by its owner alone, also when it was open before", () => {
  const path = join(root, "context.json");
  writeContext(path, users);
  writeContext(path, near);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

it("options win over the environment, that over the context", () => {
  const cwd = folders();
  writeContext(join(cwd, ".hansa", "context.json"), near);
  const set = { ...env, HANSA_URL: "https://env.example.org", HANSA_TOKEN: "env" };
  expect(resolveAccess({}, { cwd, env })).toEqual({ url: near.url, token: "near" });
  expect(resolveAccess({}, { cwd, env: set })).toEqual({ url: "https://env.example.org", token: "env" });
  expect(resolveAccess({ url: "https://opt.example.org", token: "opt" }, { cwd, env: set })).toEqual({
    url: "https://opt.example.org",
    token: "opt",
  });
  expect(resolveAccess({ token: "opt" }, { cwd, env })).toEqual({ url: near.url, token: "opt" });
});

it("an empty variable is none", () => {
  const cwd = folders();
  writeContext(join(cwd, ".hansa", "context.json"), near);
  expect(resolveAccess({}, { cwd, env: { ...env, HANSA_URL: "", HANSA_TOKEN: "" } }).token).toBe("near");
});

it("a context's token is never sent to another broker than its own", () => {
  const cwd = folders();
  writeContext(join(cwd, ".hansa", "context.json"), near);
  expect(resolveAccess({ url: "https://other.example.org" }, { cwd, env }).token).toBeNull();
  expect(resolveAccess({ url: "http://127.0.0.1:8787/" }, { cwd, env }).token).toBe("near");
});

it("no broker named anywhere says how to name one", () => {
  expect(() => resolveAccess({}, { cwd: folders(), env })).toThrow(/hansa login/);
});

it("an address without a scheme is http here and https elsewhere", () => {
  expect(brokerUrl("127.0.0.1:8787")).toBe("http://127.0.0.1:8787");
  expect(brokerUrl("hansa.example.org")).toBe("https://hansa.example.org");
  expect(() => brokerUrl("http://")).toThrow(/not an address/);
});
