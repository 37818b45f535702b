import { expect, test } from "vitest";
import { inParallel } from "./inParallel.ts";

test("answers come in order, and only so many are asked at once", async () => {
  let [open, most] = [0, 0];
  const answers = await inParallel(
    Array.from({ length: 100 }, (_, n) => n),
    async (n) => {
      most = Math.max(most, ++open);
      await new Promise((done) => setTimeout(done, n % 3));
      open -= 1;
      return n * 2;
    },
  );
  expect(answers).toEqual(Array.from({ length: 100 }, (_, n) => n * 2));
  expect(most).toBe(16);
});

test("the first failure is thrown and nothing more is asked", async () => {
  let asked = 0;
  const all = inParallel(Array.from({ length: 1000 }), async () => {
    asked += 1;
    throw new Error("no");
  });
  await expect(all).rejects.toThrow("no");
  expect(asked).toBeLessThanOrEqual(16);
});
