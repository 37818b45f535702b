import { expect, test } from "vitest";
import { macKey, randomId, sha256, shortId } from "./digest.ts";
import { composeToken, ROOT_TOKEN_ID, rootToken, verifyToken } from "./token.ts";

const SECRET = "a secret of at least thirty-two characters";
const TOKEN = { scope: "member", league: "lab-1", id: "abc123", secret: "s3cret" } as const;

test("a token says its scope, league and id, and is verified by the secret that made it", async () => {
  const [key, other] = [await macKey(SECRET), await macKey(`${SECRET} next`)];
  const text = await composeToken(key, TOKEN);
  expect(text).toMatch(/^hns_member_lab-1_abc123_s3cret[0-9a-f]{32}$/);
  expect(await verifyToken([key], text)).toEqual(TOKEN);
  expect(await verifyToken([other, key], text)).toEqual(TOKEN);
  expect(await verifyToken([other], text)).toBe(null);
});

test("a token with any part changed is refused", async () => {
  const key = await macKey(SECRET);
  const text = await composeToken(key, TOKEN);
  const changed = [
    text.replace("member", "admin"),
    text.replace("lab-1", "lab-2"),
    text.replace("abc123", "abc124"),
    text.replace("s3cret", "s3creT"),
    text.slice(0, -1) + (text.endsWith("0") ? "1" : "0"),
    `${text}0`,
    `${text}_x`,
    text.replace("hns", "hnc"),
    "",
    "hns____",
    `hns_admin_l_root_${"0".repeat(300)}`,
  ];
  for (const wrong of changed) expect(await verifyToken([key], wrong), wrong).toBe(null);
});

test("whoever holds the secret can compute a league's root token", async () => {
  const text = await rootToken(SECRET, "lab");
  expect(text).toBe(await rootToken(SECRET, "lab"));
  expect(await verifyToken([await macKey(SECRET)], text)).toMatchObject({
    scope: "admin",
    league: "lab",
    id: ROOT_TOKEN_ID,
  });
  expect(text).not.toBe(await rootToken(SECRET, "other"));
});

test("short ids are ten characters, the same for the same bytes", async () => {
  expect(shortId(await sha256("league\nkey"))).toMatch(/^[0-9a-z]{10}$/);
  expect(shortId(await sha256("league\nkey"))).toBe(shortId(await sha256("league\nkey")));
  expect(shortId(new Uint8Array(8))).toBe("0000000000");
  expect(randomId()).not.toBe(randomId());
});
