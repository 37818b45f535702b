import { createServer } from "node:net";
import { expect, it } from "vitest";
import { listenText, localUrl, nextFree, parseListen } from "./listen.ts";

it("reads addresses as people write them", () => {
  expect(parseListen("127.0.0.1:8787")).toEqual({ host: "127.0.0.1", port: 8787 });
  expect(parseListen(":443")).toEqual({ host: "*", port: 443 });
  expect(parseListen("[::1]:80")).toEqual({ host: "[::1]", port: 80 });
  for (const wrong of ["8787", "localhost", "host:99999", "::1:80", "host:"]) {
    expect(() => parseListen(wrong), wrong).toThrow(/address to listen at/);
  }
});

it("what listens everywhere is reached at the loopback address", () => {
  expect(localUrl({ host: "*", port: 443 }, true)).toBe("https://127.0.0.1:443");
  expect(localUrl({ host: "0.0.0.0", port: 80 }, false)).toBe("http://127.0.0.1:80");
  expect(localUrl({ host: "[::1]", port: 80 }, false)).toBe("http://[::1]:80");
});

it("a busy port leads to the next one", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = typeof address === "object" && address ? address.port : 0;
  const free = await nextFree({ host: "127.0.0.1", port });
  taken.close();
  expect(free.port).toBeGreaterThan(port);
  expect(listenText(free)).toBe(`127.0.0.1:${free.port}`);
});
