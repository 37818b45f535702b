import fc from "fast-check";
import { expect, test } from "vitest";
import type { Piece } from "./framework.ts";
import { amountsOf, mergePieces, piecesText, portCount, portsOf, reservationKey, takePieces } from "./pieces.ts";
import { add, fits } from "./resources.ts";

const reservation = fc.constantFrom(
  null,
  { role: "a", principal: null, labels: [] },
  { role: "a", principal: "p", labels: [] },
);
const piece: fc.Arbitrary<Piece> = fc
  .record({
    reservation,
    cpus: fc.nat(5_000),
    mem: fc.nat(5_000),
    ports: fc.uniqueArray(fc.integer({ min: 31_000, max: 31_020 }), { maxLength: 6 }),
  })
  .map(({ reservation: of, cpus, mem, ports }) => ({
    reservation: of,
    amounts: { cpus, mem, ports: ports.length * 1000 },
    ports: ports.map((port): [number, number] => [port, port]),
  }));
const pieces = fc.array(piece, { maxLength: 5 }).map((all) => mergePieces(distinctPorts(all)));

/** No port is there twice. */
function distinctPorts(all: readonly Piece[]): Piece[] {
  const seen = new Set<number>();
  return all.map((one) => {
    const ports = portsOf(one.ports).filter((port) => !seen.has(port));
    for (const port of ports) seen.add(port);
    return {
      ...one,
      ports: ports.map((port) => [port, port]),
      amounts: { ...one.amounts, ports: ports.length * 1000 },
    };
  });
}

test("what is taken and what is left are all that there was", () => {
  fc.assert(
    fc.property(pieces, pieces, (all, some) => {
      const left = takePieces(all, some);
      const within = some.every((one) => {
        const from = all.find((other) => reservationKey(other.reservation) === reservationKey(one.reservation));
        return (
          from &&
          fits(one.amounts, from.amounts) &&
          portsOf(one.ports).every((port) => portsOf(from.ports).includes(port))
        );
      });
      expect(left !== null).toBe(within);
      if (left === null) return;
      const sum = add(amountsOf(left), amountsOf(some));
      for (const [name, amount] of Object.entries(amountsOf(all))) expect(sum[name] ?? 0).toBe(amount);
      expect(mergePieces([...left, ...some])).toEqual(expect.arrayContaining(mergePieces(all)));
      for (const one of left) expect(one.amounts.ports ?? 0).toBe(portCount(one.ports) * 1000);
    }),
  );
});

test("they are written as Mesos writes resources", () => {
  const plain: Piece = {
    reservation: null,
    amounts: { cpus: 1500, mem: 512_000, ports: 3000 },
    ports: [
      [1, 2],
      [5, 5],
    ],
  };
  const reserved: Piece = {
    reservation: { role: "a", principal: null, labels: [] },
    amounts: { cpus: 100 },
    ports: [],
  };
  expect(piecesText([plain, reserved])).toBe(
    "cpus:1.5; mem:512; ports:[1-2, 5-5]; cpus(reservations: [(DYNAMIC,a)]):0.1",
  );
  expect(piecesText([])).toBe("{}");
});
