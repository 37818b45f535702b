import { expect, test } from "vitest";
import { proxyFor } from "./proxy.ts";

const HTTPS_PROXY = "http://proxy:3128";

test.each([
  ["https://broker.example", {}, null],
  ["https://broker.example", { HTTPS_PROXY }, HTTPS_PROXY],
  ["https://broker.example", { HTTP_PROXY: "http://other" }, null],
  ["http://broker.example", { HTTPS_PROXY, HTTP_PROXY: "other:80" }, "http://other:80"],
  ["https://broker.example", { HTTPS_PROXY: "http://upper", https_proxy: "http://lower" }, "http://lower"],
])("%s with %o goes by %s", (url, environment, proxy) => {
  expect(proxyFor(new URL(url), environment)).toBe(proxy);
});

test.each([
  ["*", true],
  ["broker.example", true],
  ["other.example, Broker.Example", true],
  ["roker.example", false],
  ["broker.example:443", true],
  ["broker.example:8443", false],
  [".example", true],
  ["*.example", true],
  ["*.other", false],
  ["", false],
])("for broker.example NO_PROXY=%s is an exception: %s", (NO_PROXY, direct) => {
  expect(proxyFor(new URL("https://broker.example"), { HTTPS_PROXY, NO_PROXY })).toBe(direct ? null : HTTPS_PROXY);
});

test.each([
  ["10.0.0.1", true],
  ["10.0.0.1-10.0.0.9", true],
  ["10.0.0.6-10.0.0.9", false],
])("for 10.0.0.5 and 10.0.0.1 NO_PROXY=%s is an exception: %s", (NO_PROXY, direct) => {
  const host = NO_PROXY.includes("-") ? "10.0.0.5" : "10.0.0.1";
  expect(proxyFor(new URL(`https://${host}`), { HTTPS_PROXY, NO_PROXY })).toBe(direct ? null : HTTPS_PROXY);
});
