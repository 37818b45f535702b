/** The sandbox driver keeps to what every driver does, and works wherever the agent is root and has cgroups. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { conforms } from "../conformance.fixture.ts";
import { subjectOf } from "../process/conformance.fixture.ts";

const folder = mkdtempSync(join(tmpdir(), "hansa-sandbox-"));
const subject = await subjectOf("sandbox", join(folder, "tasks"));
rmSync(folder, { recursive: true });
conforms("sandbox", subject);

test.skipIf(process.getuid?.() !== 0)("works for a root agent", () => {
  expect(subject.health).toMatchObject({ healthy: true });
});
