import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { mountsOf } from "./volumes.ts";

const user = { uid: 65_534, gid: 65_534 };
let root: string;
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), "hansa-volumes-")));
  chmodSync(root, 0o755);
  mkdirSync(join(root, "data/deep/down"), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true }));

const mount = (path: string, allowed: string[], isReadOnly = false, containerPath = "/data") =>
  mountsOf(
    [{ hostPath: path.startsWith("/") ? path : join(root, path), containerPath, isReadOnly }],
    allowed.map((folder) => ({ folder: join(root, folder.replace(":ro", "")), isReadOnly: folder.endsWith(":ro") })),
    user,
  );

test("no folder is had unless the owner allows it", () => {
  expect(() => mount("data", [])).toThrow(`volume ${root}/data: this node's owner allows no folders`);
  expect(() => mount("/etc", ["data"])).toThrow(`volume /etc: this node's owner allows only ${root}/data (--volumes)`);
  expect(() => mount("data", ["data/deep"])).toThrow("allows only");
});

test("one that is allowed is had, and what is below it", () => {
  expect(mount("data", ["data"])).toEqual([{ source: join(root, "data"), target: "/data", isReadOnly: false }]);
  expect(mount("data/deep", ["data"])).toMatchObject([{ source: join(root, "data/deep") }]);
});

test("one that is allowed for reading is had for reading", () => {
  expect(mount("data", ["data:ro"], true)).toMatchObject([{ isReadOnly: true }]);
  expect(() => mount("data", ["data:ro"])).toThrow(`allows only ${root}/data:ro`);
  expect(mount("data/deep", ["data:ro", "data/deep"])).toMatchObject([{ isReadOnly: false }]);
});

test("a link is where it leads", () => {
  symlinkSync("/etc", join(root, "data/link"));
  expect(() => mount("data/link", ["data"])).toThrow("allows only");
});

test("no way is gone on which a task could put a link", () => {
  chmodSync(join(root, "data/deep"), 0o777);
  expect(() => mount("data/deep/down", ["data"])).toThrow(`tasks can change what is in ${root}/data/deep`);
  expect(mount("data/deep", ["data"])).toHaveLength(1);
});

test.each(["data", "/", "/a/../b", "/a/.", "//a"])("%j is no path in a container", (containerPath) => {
  expect(() => mount("data", ["data"], false, containerPath)).toThrow("is no whole path in the container");
});

test("what is not there is told", () => {
  expect(() => mount("gone", ["data"])).toThrow(`volume ${root}/gone: it is not there`);
});
