import fc from "fast-check";
import { expect, test } from "vitest";
import { isWithin, ROLE } from "../../model/role.ts";
import { leagueRole, roleError, roleErrorWithin } from "./roles.ts";

test("roles that Mesos refuses are refused in its words", () => {
  expect(["*", "a", "a/b", "A.b_c"].map(roleError)).toEqual([null, null, null, null]);
  expect(roleError("/a")).toBe("Role '/a' cannot start with a slash");
  expect(roleError("a/")).toBe("Role 'a/' cannot end with a slash");
  expect(roleError("a//b")).toBe("Role 'a//b' cannot contain two adjacent slashes");
  expect(roleError("")).toBe("Role names cannot be the empty string");
  expect(roleError("a/..")).toBe("Role 'a/..' cannot include '..' as a component");
  expect(roleError("a/*")).toBe("Role 'a/*' cannot include '*' as a component");
  expect(roleError("-x")).toBe("Role component '-x' is invalid because it starts with a dash");
  expect(roleError("a b")).toBe("Role component 'a b' is invalid because it contains backspace or whitespace");
});

test("* is the credential's role, or default; others are themselves, or under it", () => {
  expect(leagueRole("*", null)).toBe("default");
  expect(leagueRole("*", "team")).toBe("team");
  expect(leagueRole("web", null)).toBe("web");
  expect(leagueRole("Web_App/x.y", "team")).toBe("team/web-app/x-y");
  expect(leagueRole("team/x", "team")).toBe("team/x");
  expect(leagueRole("teams", "team")).toBe("team/teams");
});

test("what the league can't name is said", () => {
  expect(leagueRole("a/b/c/d/e", null)).toBe(null);
  expect(roleErrorWithin("a/b/c/d", "team")).toContain("Role 'a/b/c/d' has no name in this league");
  expect(roleErrorWithin("a.", null)).toContain("has no name");
});

test("a mapped role is one of the league's, within the credential's", () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom(null, "team", "team/a"), (role, within) => {
      const mapped = roleErrorWithin(role, within) === null ? leagueRole(role, within) : null;
      if (mapped === null) return;
      expect(mapped).toMatch(ROLE);
      if (within !== null) expect(isWithin(mapped, within)).toBe(true);
    }),
  );
});
