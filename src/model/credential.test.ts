import { expect, test } from "vitest";
import { isDueForRenewal, isExpired, mintCredential, namedKey, verifyCredential } from "./credential.ts";
import { macHex, macKey } from "./digest.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 1_800_000_000_000;
const NODE = { league: "lab", cluster: "north", node: "n1", serial: 3 };

const keyOf = async (secret: string) => namedKey(await macKey(secret));

test("a credential says whose it is, for thirty days, and is due for renewal after 75 % of them", async () => {
  const key = await keyOf("one secret");
  const claims = await verifyCredential([key], await mintCredential(key, NODE, NOW_MS));
  if (!claims) throw new Error("not verified");
  expect(claims).toMatchObject(NODE);
  expect([29.9, 30].map((days) => isExpired(claims, NOW_MS + days * DAY_MS))).toEqual([false, true]);
  expect([22.4, 22.5].map((days) => isDueForRenewal(claims, NOW_MS + days * DAY_MS, key))).toEqual([false, true]);
});

test("a credential of the secret before still holds, and is renewed at once", async () => {
  const [before, now] = [await keyOf("one secret"), await keyOf("the next secret")];
  const text = await mintCredential(before, NODE, NOW_MS);
  const claims = await verifyCredential([now, before], text);
  if (!claims) throw new Error("not verified");
  expect(isDueForRenewal(claims, NOW_MS, now)).toBe(true);
  expect(await verifyCredential([now], text)).toBe(null);
});

test("a credential with any part changed is refused", async () => {
  const key = await keyOf("one secret");
  const text = await mintCredential(key, NODE, NOW_MS);
  const other = await mintCredential(key, { ...NODE, node: "n2" }, NOW_MS);
  const macOf = (credential: string) => credential.slice(credential.lastIndexOf("_") + 1);
  const wrongs = [
    text.replace(macOf(text), macOf(other)),
    text.slice(0, -1),
    "hnc_",
    "hnc__",
    "hnc_e30_00",
    "",
    "hns_x_y",
  ];
  for (const wrong of wrongs) expect(await verifyCredential([key], wrong), wrong).toBe(null);
});

test("a credential of a newer broker, which says more, holds", async () => {
  const { kid, key } = await keyOf("one secret");
  const claims = { ...NODE, iat: 1, exp: 2, kid };
  const signed = `hnc_${btoa(JSON.stringify({ ...claims, later: 1 })).replaceAll("=", "")}`;
  expect(await verifyCredential([{ kid, key }], `${signed}_${await macHex(key, signed)}`)).toEqual(claims);
});
