import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { findSecrets, openEnd, secretsOf } from "./secrets.ts";

const texts = (environment: Record<string, string>) => secretsOf(environment).map(String);

describe("secrets", () => {
  test("are the values of variables that are named so", () => {
    const environment = { DB_PASSWORD: "hunter2!", API_TOKEN: "tok-123456", PATH: "/usr/bin:/bin", TOKENS: "a,b,c,d" };
    expect(texts(environment)).toEqual(expect.arrayContaining(["hunter2!", "tok-123456"]));
    expect(texts(environment).join()).not.toMatch(/usr|a,b/);
  });

  test("are not words so short that they occur by themselves", () => {
    expect(texts({ TOKEN: "abc", SECRET: "" })).toEqual([]);
  });

  test("are known in JSON, in addresses, and line by line", () => {
    expect(texts({ SECRET: 'a"b c/d?é' })).toEqual(
      expect.arrayContaining(['a"b c/d?é', 'a\\"b c/d?é', "a%22b%20c%2Fd%3F%C3%A9"]),
    );
    expect(texts({ PRIVATE_KEY: "first-line\nsecond-line" })).toEqual(
      expect.arrayContaining(["first-line", "second-line"]),
    );
  });

  test("are found in base64, wherever they begin in it", () => {
    const text = fc.string({ minLength: 9, maxLength: 40 });
    fc.assert(
      fc.property(fc.string({ maxLength: 5 }), text, fc.string({ maxLength: 5 }), (before, secret, after) => {
        const coded = Buffer.from(Buffer.from(before + secret + after).toString("base64"));
        expect(findSecrets(coded, secretsOf({ TOKEN: secret })).length).toBeGreaterThan(0);
      }),
    );
  });
});

test("the last bytes that may begin a secret are left for the next look", () => {
  const secrets = secretsOf({ TOKEN: "abcabd" });
  expect(openEnd(Buffer.from("xxabca"), secrets)).toBe(4);
  expect(openEnd(Buffer.from("xxabcabd"), secrets)).toBe(0);
  expect(openEnd(Buffer.from("nothing!"), secrets)).toBe(0);
});
