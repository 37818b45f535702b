import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RunningWorker } from "../../test/support/miniflare.ts";
import { until } from "../../test/support/until.ts";
import { basic, Surface, startSurface, subscribeCall } from "./fixture/surface.ts";

let worker: RunningWorker;
let surface: Surface;
beforeAll(async () => {
  worker = await startSurface({ HANSA_MESOS_HEARTBEAT: "1" });
  surface = await Surface.on(worker, "lab");
});
afterAll(() => worker.dispose());

const TEXT = "text/plain; charset=utf-8";
const teardown = (id: string) => ({ type: "TEARDOWN", framework_id: { value: id } });

describe("the envelope", () => {
  test("AuthenticationRequired: without credentials, or with bad ones, 401 and how to send them", async () => {
    const forged = basic("p", "hns_admin_lab_root_0123456789012345678901234567890123456789");
    for (const authorization of [undefined, "Basic", "Basic %", basic("p", "secret"), forged, "Digest x"]) {
      const { status, headers, body } = await surface.send({ headers: { authorization } });
      expect([status, headers["www-authenticate"], headers["content-type"]]).toEqual([
        401,
        'Basic realm="mesos-master-scheduler"',
        TEXT,
      ]);
      expect(body).toMatch(/HTTP Basic|not issued here/);
    }
  });

  test("NoContentType", async () => {
    expect(await surface.send({ headers: { "content-type": undefined }, body: subscribeCall() })).toMatchObject({
      status: 400,
      body: "Expecting 'Content-Type' to be present",
      headers: { "content-type": TEXT },
    });
  });

  test("MalformedContent", async () => {
    const { status, body } = await surface.send({ body: '{"type":\nnope}' });
    expect([status, body]).toEqual([400, "Failed to parse body into JSON: syntax error at line 2 near: nope}"]);
  });

  test("UnsupportedContentMediaType, and protobuf with what to do", async () => {
    const send = (type: string) => surface.send({ headers: { "content-type": type }, body: subscribeCall() });
    const text = "Expecting 'Content-Type' of application/json or application/x-protobuf";
    expect(await send("application/unknown-media-type")).toMatchObject({ status: 415, body: text });
    const protobuf = await send("application/x-protobuf");
    expect(protobuf.status).toBe(415);
    expect(protobuf.body.startsWith(`${text}. Hansa speaks JSON only`)).toBe(true);
  });

  test("a Content-Type with parameters is taken", async () => {
    const { status } = await surface.send({
      headers: { "content-type": "application/json; charset=utf-8" },
      body: teardown("x"),
    });
    expect(status).toBe(202);
  });

  test("SubscribeWithStreamId", async () => {
    expect(await surface.send({ headers: { "mesos-stream-id": "x" }, body: subscribeCall() })).toMatchObject({
      status: 400,
      body: "Subscribe calls should not include the 'Mesos-Stream-Id' header",
    });
  });

  test("NotAcceptable", async () => {
    expect(await surface.send({ headers: { accept: "foo" }, body: subscribeCall() })).toMatchObject({
      status: 406,
      body: "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'",
    });
  });

  test("GetRequest: 405 with Allow, at both paths", async () => {
    for (const path of ["/api/v1/scheduler", "/master/api/v1/scheduler"]) {
      const { status, headers, body } = await surface.send({ method: "GET", path });
      expect([status, headers.allow]).toEqual([405, "POST"]);
      expect(body).toBe("405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.");
    }
  });

  test("MalformedUUID", async () => {
    const acknowledge = { agent_id: { value: "a" }, task_id: { value: "t" }, uuid: btoa("bad-uuid") };
    const body = { type: "ACKNOWLEDGE", framework_id: { value: "f" }, acknowledge };
    expect(await surface.send({ body })).toMatchObject({
      status: 400,
      body: "Failed to validate scheduler::Call: Not a valid UUID",
    });
  });

  test("a type that nobody knows is absent, UNKNOWN is for the object to answer: not every framework may ask", async () => {
    const of = (type: string) => surface.send({ body: { ...teardown("x"), type } });
    expect(await of("FOO")).toMatchObject({
      status: 400,
      body: "Failed to validate scheduler::Call: Expecting 'type' to be present",
    });
    const answer = { status: 403, body: "Framework is not subscribed" };
    await surface.object("x", "answer", answer);
    expect(await of("UNKNOWN")).toMatchObject(answer);
    await surface.object("x", "answer", { status: 202, body: "" });
  });

  test("a body over 8 MiB is refused, one below is read", async () => {
    const declared = await surface.open({ headers: { "content-length": String(8 * 2 ** 20 + 1) } });
    expect([declared.head.statusCode, declared.head.headers["content-type"]]).toEqual([413, TEXT]);
    const long = { ...teardown("x"), unknown: "x".repeat(7 * 2 ** 20) };
    expect((await surface.send({ body: long })).status).toBe(202);
  });
});

describe("credentials", () => {
  test("a token of another scope may not, and is told so in text", async () => {
    await surface.league.ok("POST", "/v1/clusters", { body: { name: "north" } });
    const owner = await surface.league.makeToken({ scope: "owner", cluster: "north" });
    const answer = await surface.send({ headers: { authorization: basic("p", owner) }, body: subscribeCall() });
    expect(answer).toMatchObject({ status: 403, headers: { "content-type": TEXT } });
    expect(answer.body).toContain("scope owner");
  });

  test("the user name is the principal, a bearer has none, and a member's roles are under its own", async () => {
    const member = await surface.league.makeToken({ scope: "member", role: "team" });
    const info = { id: { value: "named" }, capabilities: [{ type: "MULTI_ROLE" }], roles: ["*", "Web_App", "team/x"] };
    for (const authorization of [basic("cook", member), `Bearer ${member}`]) {
      const stream = await surface.open({ headers: { authorization }, body: subscribeCall(info) });
      stream.head.destroy();
    }
    const [first, second] = await surface.object("named", "heard");
    expect(first.subscribe.info).toMatchObject({
      principal: "cook",
      roles: [
        { name: "*", role: "team" },
        { name: "Web_App", role: "team/web-app" },
        { name: "team/x", role: "team/x" },
      ],
    });
    expect(second.subscribe.info.principal).toBe(null);
  });

  test("a principal that differs from the user name is refused", async () => {
    expect(await surface.send({ body: subscribeCall({ principal: "q" }) })).toMatchObject({
      status: 400,
      body: "Failed to validate scheduler::Call: Authenticated principal 'p' does not match principal 'q' set in `FrameworkInfo`",
    });
  });

  test("a bound surface takes requests without credentials for its league and role, and still no bad ones", async () => {
    const bound = await startSurface({ HANSA_MESOS: "open:guests" });
    try {
      const open = await Surface.on(bound, "open");
      const headers = { authorization: undefined };
      const stream = await open.open({ headers, body: subscribeCall({ id: { value: "guest" } }) });
      stream.head.destroy();
      const [{ subscribe }] = await open.object("guest", "heard");
      expect(subscribe.info).toMatchObject({ principal: null, roles: [{ name: "*", role: "guests" }] });
      const bad = await open.send({ headers: { authorization: basic("p", "junk") }, body: subscribeCall() });
      expect(bad.status).toBe(401);
    } finally {
      await bound.dispose();
    }
  });

  test("a binding that can't be read is said to be wrong", async () => {
    const wrong = await startSurface({ HANSA_MESOS: "Lab!" });
    try {
      const lab = await Surface.on(wrong, "lab");
      const { status, body } = await lab.send({ headers: { authorization: undefined }, body: subscribeCall() });
      expect([status, body]).toEqual([503, 'HANSA_MESOS is "Lab!": it must be LEAGUE or LEAGUE:ROLE']);
    } finally {
      await wrong.dispose();
    }
  });
});

describe("the stream", () => {
  test("NoAcceptHeader: 200, chunked, exactly application/json, with a stream id; SUBSCRIBED, then HEARTBEAT", async () => {
    const stream = await surface.open({ body: subscribeCall() });
    expect(stream.head.statusCode).toBe(200);
    expect(stream.head.headers).toMatchObject({
      "content-type": "application/json",
      "transfer-encoding": "chunked",
      "cache-control": "no-transform",
    });
    expect(stream.head.headers["content-length"]).toBeUndefined();
    expect(stream.streamId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await until(() => stream.pieces.length >= 2);
    const [subscribed, heartbeat] = stream.events;
    expect(subscribed.subscribed).toMatchObject({ heartbeat_interval_seconds: 1, master_info: { ip: 16777343 } });
    expect(heartbeat).toEqual({ type: "HEARTBEAT" });
    const id = subscribed.subscribed.framework_id.value;
    expect(id).toMatch(/^[0-9a-f-]{36}-0000$/);
    const [{ subscribe }] = await surface.object(id, "heard");
    expect(subscribe).toMatchObject({ streamId: stream.streamId, suppressedRoles: [], optionsError: null });
    stream.head.destroy();
  });

  test("a heartbeat comes each time the interval has passed", async () => {
    const stream = await surface.open({ body: subscribeCall({ id: { value: "beats" } }) });
    const startedAt = performance.now();
    await until(() => stream.pieces.length >= 4);
    expect(stream.events.slice(1).map(({ type }) => type)).toEqual(["HEARTBEAT", "HEARTBEAT", "HEARTBEAT"]);
    expect(performance.now() - startedAt).toBeGreaterThan(1900);
    stream.head.destroy();
  });

  test("events that come together arrive as one 'data' event each, in ASCII, whole when they are large", async () => {
    const stream = await surface.open({ body: subscribeCall({ id: { value: "burst" } }) });
    await until(() => stream.pieces.length >= 2);
    const count = 200;
    const events = Array.from({ length: count }, (_, n) => ({ type: "RESCIND", offerId: `offer-ä-${n}` }));
    await surface.object("burst", "send", events);
    const rescinds = () => stream.pieces.filter((piece) => piece.includes("RESCIND"));
    await until(() => rescinds().length >= count);
    rescinds().forEach((piece, n) => {
      const [length, json, ...more] = piece.split("\n");
      expect([Number(length), more]).toEqual([json?.length, []]);
      expect(JSON.parse(json ?? "").rescind.offer_id.value).toBe(`offer-ä-${n}`);
    });
    const before = stream.pieces.length;
    await surface.object("burst", "send", [{ type: "ERROR", message: "x".repeat(200_000) }]);
    const text = () => stream.pieces.slice(before).join("");
    await until(() => text().includes("}}"));
    expect(text()).toContain("x".repeat(200_000));
    stream.head.destroy();
  });

  test("when the object closes its socket the stream ends in order, after the last event", async () => {
    const stream = await surface.open({ body: subscribeCall({ id: { value: "ended" } }) });
    await until(() => stream.pieces.length >= 2);
    await surface.object("ended", "send", [{ type: "ERROR", message: "Framework failed over" }]);
    await surface.object("ended", "close");
    await stream.end;
    expect(stream.events.at(-1)).toEqual({ type: "ERROR", error: { message: "Framework failed over" } });
    expect(stream.head.complete).toBe(true);
  });

  test("when the framework goes away the object's socket is closed", async () => {
    const stream = await surface.open({ body: subscribeCall({ id: { value: "gone" } }) });
    await until(() => stream.pieces.length >= 2);
    expect(await surface.object("gone", "sockets")).toBe(1);
    stream.head.destroy();
    const deadline = performance.now() + 5000;
    while ((await surface.object("gone", "sockets")) > 0) expect(performance.now()).toBeLessThan(deadline);
  });

  test("RejectFrameworkWithInvalidRole: 200, an ERROR, and the end; no object is asked", async () => {
    const body = subscribeCall({ id: { value: "badrole" }, role: "/test/test1" });
    const stream = await surface.open({ body });
    await stream.end;
    expect([stream.head.statusCode, stream.head.headers["transfer-encoding"]]).toEqual([200, "chunked"]);
    expect(stream.events).toEqual([
      {
        type: "ERROR",
        error: { message: "'FrameworkInfo.role' is not a valid role: Role '/test/test1' cannot start with a slash" },
      },
    ]);
    expect(await surface.object("badrole", "heard")).toEqual([]);
  });

  test("what is wrong with suppressed roles or offer constraints is told to the object, which may have more to say", async () => {
    await surface.object("options", "greet", [{ type: "ERROR", message: "Framework has been removed" }]);
    const stream = await surface.open({
      body: subscribeCall({ id: { value: "options" } }, { suppressed_roles: ["x"] }),
    });
    const optionsError = "Suppressed roles { x } are not contained in the set of roles";
    await until(() => stream.events.length > 0);
    expect(stream.events[0]).toMatchObject({ error: { message: "Framework has been removed" } });
    expect(await surface.object("options", "heard")).toMatchObject([{ subscribe: { optionsError } }]);
    stream.head.destroy();
  });

  test("FrameworkSubscribeEmptyId: a new framework", async () => {
    const stream = await surface.open({ body: subscribeCall({ id: { value: "" } }) });
    await until(() => stream.pieces.length >= 2);
    expect(stream.events[0].subscribed.framework_id.value).toMatch(/-0000$/);
    stream.head.destroy();
  });

  test("an object that refuses is answered before the stream begins", async () => {
    await surface.object("full", "greet", []);
    expect(await surface.send({ body: subscribeCall({ id: { value: "full" } }) })).toMatchObject({
      status: 429,
      body: "come again later",
    });
  });

  test("capabilities that an object tells of change the form of what follows", async () => {
    const stream = await surface.open({ body: subscribeCall({ id: { value: "form" } }) });
    const agent = { id: "a", hostname: "h", ip: "10.0.0.1", region: null, zone: null, attributes: {} };
    const pieces = [{ reservation: null, amounts: { cpus: 1000 }, ports: [] }];
    const offers = { type: "OFFERS", offers: [{ id: "o", agent, role: "*", pieces, executorIds: [] }] };
    const capabilities = ["MULTI_ROLE", "RESERVATION_REFINEMENT"];
    await until(() => stream.pieces.length >= 2);
    await surface.object("form", "send", [offers, { type: "CAPABILITIES", capabilities }, offers]);
    const offered = () =>
      stream.events.filter(({ type }) => type === "OFFERS").map(({ offers: { offers } }) => offers[0]);
    await until(() => offered().length >= 2);
    const [before, after] = offered();
    expect([before.allocation_info, before.resources[0].role]).toEqual([undefined, "*"]);
    expect([after.allocation_info, after.resources[0].role]).toEqual([{ role: "*" }, undefined]);
    stream.head.destroy();
  });
});

describe("calls", () => {
  test("TeardownWithoutStreamId: the object hears that there was none, and its answer is the answer", async () => {
    const text = "All non-subscribe calls should include the 'Mesos-Stream-Id' header";
    await surface.object("calls", "answer", { status: 400, body: text });
    expect(await surface.send({ body: teardown("calls") })).toMatchObject({
      status: 400,
      body: text,
      headers: { "content-type": TEXT },
    });
    const [heard] = await surface.object("calls", "heard");
    expect(heard).toEqual({ streamId: null, principal: "p", call: { type: "TEARDOWN" } });
  });

  test("a call that is accepted is answered 202 with nothing", async () => {
    const body = { type: "DECLINE", framework_id: { value: "ok" }, decline: { offer_ids: [{ value: "o" }] } };
    const { status, body: text, headers } = await surface.send({ body, headers: { "mesos-stream-id": "s" } });
    expect([status, text, headers["content-type"]]).toEqual([202, "", undefined]);
    const [heard] = await surface.object("ok", "heard");
    expect(heard).toEqual({
      streamId: "s",
      principal: "p",
      call: { type: "DECLINE", offerIds: ["o"], refuseMs: 5000 },
    });
  });

  test("an id that no framework can have is of none", async () => {
    for (const id of ["", "a/b", "..", "x".repeat(256)]) {
      expect(await surface.send({ body: teardown(id) })).toMatchObject({
        status: 400,
        body: "Framework cannot be found",
      });
    }
  });
});
