import { describe, expect, test } from "vitest";
import { Call } from "../messages/call.ts";
import { decode } from "../wire/decode.ts";
import { readSubscription } from "./frameworkInfo.ts";

const NOBODY = { principal: null, role: null };
const MULTI = { capabilities: [{ type: "MULTI_ROLE" }] };

function read(
  info: object,
  options: object = {},
  credential: { principal: string | null; role: string | null } = NOBODY,
) {
  const subscribe = { framework_info: { user: "root", name: "f", ...info }, ...options };
  const decoded = decode(Call, { type: "SUBSCRIBE", subscribe });
  if (!decoded.ok || !decoded.value.subscribe) throw new Error("not decoded");
  return readSubscription(decoded.value.subscribe, credential);
}
const infoError = (info: object) => read(info).infoError;

test("what a framework says becomes what the house knows", () => {
  const min = { quantities: [{ quantities: { cpus: { value: 0.0625 }, mem: { value: 64 } } }] };
  const { info, infoError: error } = read({
    failover_timeout: 1.5,
    checkpoint: true,
    role: "Web",
    hostname: "h",
    webui_url: "http://ui",
    capabilities: [{ type: "PARTITION_AWARE" }, { type: "NEWER" }, {}, { type: "PARTITION_AWARE" }],
    labels: { labels: [{ key: "k", value: "v" }, { key: "only" }] },
    offer_filters: { Web: { min_allocatable_resources: min }, other: {}, any: { min_allocatable_resources: {} } },
  });
  expect(error).toBe(null);
  expect(info).toEqual({
    user: "root",
    name: "f",
    failoverTimeoutMs: 1500,
    checkpoint: true,
    roles: [{ name: "Web", role: "web" }],
    hostname: "h",
    principal: null,
    webuiUrl: "http://ui",
    capabilities: ["PARTITION_AWARE"],
    labels: [
      { key: "k", value: "v" },
      { key: "only", value: null },
    ],
    minAllocatable: { Web: [{ cpus: 63, mem: 64_000 }], any: [] },
  });
});

test("a principal that is not said is that of the credentials", () => {
  expect(read({}, {}, { principal: "p", role: null }).info.principal).toBe("p");
  expect(read({ principal: "q" }).info.principal).toBe("q");
});

test("a framework without MULTI_ROLE has one role, * if it says none", () => {
  expect(read({}).info.roles).toEqual([{ name: "*", role: "default" }]);
  expect(read(MULTI).info.roles).toEqual([]);
});

describe("what is wrong with an info", () => {
  test("RejectFrameworkWithInvalidRole, and the fields of the other kind", () => {
    expect(infoError({ role: "/test/test1" })).toBe(
      "'FrameworkInfo.role' is not a valid role: Role '/test/test1' cannot start with a slash",
    );
    expect(infoError({ ...MULTI, role: "a" })).toBe(
      "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable",
    );
    expect(infoError({ roles: ["a"] })).toBe(
      "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable",
    );
    expect(infoError({ ...MULTI, roles: ["b", "a", "b", "a"] })).toBe(
      "'FrameworkInfo.roles' contains duplicate items: { a, b }",
    );
    expect(infoError({ ...MULTI, roles: ["a", "-b"] })).toBe(
      "'FrameworkInfo.roles' contains invalid role: Role component '-b' is invalid because it starts with a dash",
    );
  });

  test("FrameworkSubscribeEmptyId is right, an id that is no name is not", () => {
    expect(infoError({ id: { value: "" } })).toBe(null);
    expect(infoError({ id: { value: "a/b" } })).toBe("'a/b' contains invalid characters");
    expect(infoError({ id: { value: ".." } })).toBe("'..' is disallowed");
    expect(infoError({ id: { value: "x".repeat(256) } })).toBe("ID must not be greater than 255 characters");
  });

  test("RejectFrameworkWithInvalidFailoverTimeout", () => {
    expect(infoError({ failover_timeout: 1e17 })).toBe("The framework failover_timeout (1e+17) is invalid");
    expect(infoError({ failover_timeout: "Infinity" })).toBe("The framework failover_timeout (inf) is invalid");
    expect(infoError({ failover_timeout: 604_800 })).toBe(null);
  });

  test("least amounts must be amounts", () => {
    const filters = (quantities: object) => ({
      offer_filters: { a: { min_allocatable_resources: { quantities: [{ quantities }] } } },
    });
    expect(infoError(filters({}))).toBe("Resource quantities must contain at least one quantity");
    expect(infoError(filters({ cpus: { value: -1 } }))).toBe(
      "Invalid resource quantity for 'cpus': Negative values not supported",
    );
    expect(infoError(filters({ cpus: { value: "Infinity" } }))).toContain("Infinite values not supported");
  });
});

describe("what is said beside the info", () => {
  const constraints = (groups: unknown, role = "*") => ({
    offer_constraints: { role_constraints: { [role]: { groups } } },
  });
  const group = (selector: object, predicate: object) => [{ attribute_constraints: [{ selector, predicate }] }];
  const optionsError = (options: object) => read({}, options).optionsError;

  test("suppressed roles must be roles of the framework", () => {
    expect(optionsError({ suppressed_roles: ["*"] })).toBe(null);
    expect(optionsError({ suppressed_roles: ["b", "*", "a"] })).toBe(
      "Suppressed roles { a, b } are not contained in the set of roles",
    );
  });

  test("OfferConstraintsForUnsubscribedRole", () => {
    expect(optionsError(constraints(group({ attribute_name: "os" }, { exists: {} }), "a"))).toMatch(
      /^Offer constraints specify `role_constraints` for a role 'a'/,
    );
  });

  test("constraints are read, each kind", () => {
    const [both] = [
      [
        { selector: { attribute_name: "os" }, predicate: { text_equals: { value: "x" } } },
        { selector: { pseudoattribute_type: "ZONE" }, predicate: { text_not_matches: { regex: "a+" } } },
      ],
    ];
    expect(read({}, constraints([{ attribute_constraints: both }])).constraints).toEqual({
      roles: {
        "*": [
          [
            { selector: { attribute: "os" }, predicate: { is: "equals", value: "x" } },
            { selector: { pseudo: "ZONE" }, predicate: { is: "not-matches", regex: "a+" } },
          ],
        ],
      },
    });
  });

  test("constraints that say nothing, or nothing that can be asked, are refused", () => {
    expect(optionsError(constraints([]))).toContain("has an empty 'RoleConstraints::groups' for role *");
    expect(optionsError(constraints([{}]))).toContain("contains an empty RoleConstraints::Group");
    expect(optionsError(constraints(group({}, { exists: {} })))).toContain("must be set");
    expect(optionsError(constraints(group({ attribute_name: "os" }, {})))).toContain("Unknown predicate type");
    expect(optionsError(constraints(group({ attribute_name: "os" }, { text_matches: { regex: "(" } })))).toContain(
      "Offer constraints are not valid: A role * has an invalid 'AttributeConstraint': Failed to construct regex from pattern '('",
    );
  });
});
