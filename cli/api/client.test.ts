import { createServer, type RequestListener, type Server } from "node:http";
import { afterEach, expect, it } from "vitest";
import { z } from "zod";
import { Problem } from "../../src/model/problems.ts";
import { problemLines } from "./answer.ts";
import { Client } from "./client.ts";

let server: Server | null = null;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
  server = null;
});

async function broker(listener: RequestListener): Promise<Client> {
  const listening = createServer(listener);
  server = listening;
  await new Promise<void>((resolve) => listening.listen(0, "127.0.0.1", resolve));
  const address = listening.address();
  return new Client({ url: `http://127.0.0.1:${typeof address === "object" && address?.port}`, token: "hns_x" });
}
const okSchema = z.object({ ok: z.boolean() });
const failure = (promise: Promise<unknown>): Promise<Problem> =>
  promise.then(
    () => {
      throw new Error("it did not fail");
    },
    (error) => {
      if (error instanceof Problem) return error;
      throw error;
    },
  );

it("a connection cut after the request was read is tried again under the same idempotency key", async () => {
  const keys: unknown[] = [];
  const client = await broker((request, response) => {
    keys.push(request.headers["idempotency-key"]);
    if (keys.length === 1) request.socket.destroy();
    else response.end('{"ok":true}');
  });
  expect(await client.post("/v1/jobs", okSchema, { body: {} })).toEqual({ ok: true });
  expect(keys).toHaveLength(2);
  expect(keys[0]).toBeTruthy();
  expect(keys[1]).toBe(keys[0]);
});

it("503 is tried again, 4xx is not", async () => {
  let asked = 0;
  const client = await broker((_request, response) => {
    asked++;
    response.statusCode = asked < 3 ? 503 : 404;
    response.end();
  });
  expect((await failure(client.get("/v1/jobs/x", okSchema))).code).toBe("not-found");
  expect(asked).toBe(3);
});

it("a problem comes with its fields and what was probably meant", async () => {
  const body = {
    code: "invalid-request",
    detail: "the job has a wrong field",
    errors: [{ field: "cuont", message: "unknown field", didYouMean: "count" }],
  };
  const client = await broker((_request, response) => {
    response.writeHead(400, { "content-type": "application/problem+json" }).end(JSON.stringify(body));
  });
  expect(problemLines(await failure(client.get("/", okSchema)))).toEqual([
    "the job has a wrong field",
    "  cuont: unknown field (did you mean count?)",
  ]);
});

it("a proxy's page is told to be one", async () => {
  const client = await broker((_request, response) => {
    response.writeHead(403, { "content-type": "text/html" }).end("<html>no</html>");
  });
  const problem = await failure(client.get("/", okSchema));
  expect(problem.code).toBe("not-allowed");
  expect(problem.detail).toMatch(/not as a Hansa broker does/);
});

it("an answer of another shape is no success", async () => {
  const client = await broker((_request, response) => response.end('{"ok":"yes"}'));
  expect((await failure(client.get("/", okSchema))).detail).toMatch(/Compare the versions/);
});

it("nobody listening is told with the address and what to do", async () => {
  const client = await broker(() => {});
  server?.close();
  const problem = await failure(client.get("/", okSchema));
  expect(problem.code).toBe("unavailable");
  expect(problem.detail).toMatch(/nothing listens there.*npm start/);
});
