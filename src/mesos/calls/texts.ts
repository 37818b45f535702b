/** Values as Mesos prints them in its messages. */

/** A set: `{ a, b }`. */
export const setText = (items: Iterable<string>): string => {
  const sorted = [...new Set(items)].sort();
  return sorted.length === 0 ? "{}" : `{ ${sorted.join(", ")} }`;
};

/** A double as C++ streams it: six digits, `1e+17`. */
export function doubleText(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
  const [digits = "", exponent = "0"] = value.toExponential(5).split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return String(Number(value.toPrecision(6)));
  return `${Number(digits)}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
