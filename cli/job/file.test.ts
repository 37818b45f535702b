import { expect, it } from "vitest";
import { parseJobFile } from "./file.ts";

const noFiles = async (path: string): Promise<string> => {
  throw new Error(`read ${path}`);
};
const parse = (text: string, readLines = noFiles) => parseJobFile(text, "job.yaml", readLines);

it("a job file is the body to submit, unknown fields included, so that the broker can name them", async () => {
  const text = "name: sums\ncommand: sha256sum {}\nresources: { cpus: 0.5, mem: 128MiB }\ncuont: 3\n";
  expect(await parse(text)).toEqual({
    name: "sums",
    command: "sha256sum {}",
    resources: { cpus: 0.5, mem: "128MiB" },
    cuont: 3,
  });
});

it("JSON is YAML too", async () => {
  expect(await parse('{"command": ["echo", "hi"], "count": 2}')).toEqual({ command: ["echo", "hi"], count: 2 });
});

it("each names a file whose lines are the items", async () => {
  const read = async (path: string) => (path === "files.txt" ? "a\nb c\n" : "");
  expect(await parse("command: wc {}\neach: files.txt", read)).toEqual({ command: "wc {}", each: ["a", "b c"] });
});

it("items, words and variables are taken as they were written, not as numbers", async () => {
  const text = "command: [echo, 010, true]\neach: [007, 1e3, 'x', 2026-01-01]\nenv: { PORT: 8080, ON: yes }\n";
  expect(await parse(text)).toEqual({
    command: ["echo", "010", "true"],
    each: ["007", "1e3", "x", "2026-01-01"],
    env: { PORT: "8080", ON: "yes" },
  });
});

it("a broken file is told with line and column", async () => {
  await expect(parse("command: [echo\ncount: 2\n")).rejects.toThrow(/job\.yaml: .* line \d+, column \d+/);
});

it("a file without fields says what it wants", async () => {
  await expect(parse("")).rejects.toThrow(/holds no job/);
  await expect(parse("- echo")).rejects.toThrow(/holds no job/);
});
