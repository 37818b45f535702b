import { expect, test } from "vitest";
import type { Uri } from "../../../src/model/container.ts";
import { archiveOf, FetchError, isInside, linksInside, nameless, nameOf, sourceOf } from "./source.ts";

const uri = (value: string, outputFile: string | null = null): Uri => ({
  ...{ value, outputFile, executable: false, extract: true },
});
const web = { schemes: ["http", "https"], folders: [] } as const;

test.each([
  ["http://h/a/b.tgz", "b.tgz"],
  ["https://u:p@h:1/b.tgz?token=a/b#c", "b.tgz"],
  ["/srv/data/model.bin", "model.bin"],
  ["file:///srv/x.zip", "x.zip"],
])("%s is called %s in the task's folder", (value, name) => {
  expect(nameOf(uri(value))).toBe(name);
});

test("it may be given another name, with folders in front", () => {
  expect(nameOf(uri("http://h/x", "etc/conf.yaml"))).toBe("etc/conf.yaml");
});

test.each(["http://h", "http://h/a/", "/srv/..", "http://h/?x=y"])("%s needs a name", (value) => {
  expect(() => nameOf(uri(value))).toThrow(FetchError);
});

test.each(["../x", "/etc/x", "a/../../x", "", ".", "a/", "a/.", "a\0b"])("%j is no name of a task's file", (name) => {
  expect(() => nameOf(uri("http://h/x", name))).toThrow(/can't be fetched/);
});

test.each([
  ["a", true],
  ["./a/b", true],
  ["a..b/..c", true],
  ["../a", false],
  ["a/../b", false],
  ["a/..", false],
  ["/a", false],
  ["//a", false],
  ["", false],
  ["./", false],
])("a member %j of an archive stays inside: %s", (name, inside) => {
  expect(isInside(name)).toBe(inside);
});

test.each([
  ["a", "b", true],
  ["d/a", "../b", true],
  ["d/a", "../../b", false],
  ["a", "..", false],
  ["a", "d/../../b", false],
  ["a", "/etc/passwd", false],
  ["a", ".", true],
])("a link %j to %j stays inside: %s", (at, target, inside) => {
  expect(linksInside(at, target)).toBe(inside);
});

test("archives are known by their names", () => {
  const flags = ["a.tar", "a.tar.gz", "a.tgz", "a.tar.bz2", "a.tbz2", "a.tar.xz", "a.txz"].map((name) =>
    archiveOf(name),
  );
  expect(flags.map((archive) => archive?.is === "tar" && archive.flag)).toEqual(["", "z", "z", "j", "j", "J", "J"]);
  expect(archiveOf("a.zip")).toEqual({ is: "zip" });
  expect(archiveOf("d/a.log.gz")).toEqual({ is: "gz", name: "d/a.log" });
  expect(["a", "a.jar", ".gz", "...gz", "a.tar.gz.sig"].map((name) => archiveOf(name))).toEqual([
    null,
    null,
    null,
    null,
    null,
  ]);
});

test("only what the owner allows is fetched", () => {
  expect(sourceOf("https://h/x", web)).toMatchObject({ is: "web" });
  const { schemes } = web;
  const files = { schemes, folders: ["/srv/data"] };
  expect(sourceOf("/srv/data/x", files)).toEqual({ is: "file", path: "/srv/data/x" });
  expect(sourceOf("file:///srv/data/a%20b", files)).toEqual({ is: "file", path: "/srv/data/a b" });
  for (const value of [
    "/srv/data/../x",
    "/srv/database",
    "/etc/passwd",
    "file:///srv/data/%2e%2e/x",
    "file://host/srv/data/x",
  ])
    expect(() => sourceOf(value, files)).toThrow(FetchError);
  expect(() => sourceOf("/srv/data/x", web)).toThrow("(--fetch-from none)");
  expect(() => sourceOf("http://h/x", { schemes: ["https"], folders: [] })).toThrow("(--fetch-from https)");
  for (const value of ["ftp://h/x", "hdfs://h/x", "x.tgz"]) expect(() => sourceOf(value, web)).toThrow(FetchError);
});

test("a password is not told", () => {
  expect(nameless("https://me:secret@h/x@y")).toBe("https://h/x@y");
});
