import { expect, test } from "vitest";
import { delayMs, withRetries } from "./retry.ts";

const fault = (marks: object) => Object.assign(new Error("fault"), marks);

async function attempts(errors: unknown[]) {
  const slept: number[] = [];
  let tries = 0;
  const run = async () => {
    const error = errors[tries++];
    if (error) throw error;
    return "done";
  };
  const sleep = async (ms: number) => void slept.push(ms);
  const outcome = await withRetries(run, { random: () => 0.5, sleep }).catch((error: unknown) => error);
  return { outcome, tries, slept };
}

test("a passing fault is tried again, later each time", async () => {
  const { outcome, tries, slept } = await attempts([fault({ retryable: true }), fault({ retryable: true })]);
  expect([outcome, tries, slept]).toEqual(["done", 3, [100, 200]]);
});

test("after three tries the fault is the caller's", async () => {
  const last = fault({ retryable: true });
  const { outcome, tries } = await attempts([fault({ retryable: true }), fault({ retryable: true }), last]);
  expect([outcome, tries]).toEqual([last, 3]);
});

test.each([
  ["an overloaded object", { retryable: true, overloaded: true }],
  ["a fault of the object's code", {}],
  ["a fault that is not marked", { retryable: false }],
])("%s is not asked again", async (_, marks) => {
  const error = fault(marks);
  expect(await attempts([error])).toEqual({ outcome: error, tries: 1, slept: [] });
});

test("delays spread from nothing to a bound that doubles up to two seconds", () => {
  expect([delayMs(1, 0), delayMs(1, 0.999), delayMs(3, 1), delayMs(20, 1)]).toEqual([
    0,
    expect.closeTo(199.8),
    800,
    2000,
  ]);
});
