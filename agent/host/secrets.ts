/**
 * Secrets that a task was given, and their place in what it printed. A variable is a secret by its name. Found are the
 * value and the forms that it takes in addresses, JSON and base64; each byte becomes `*`, so that no offset changes.
 */

/** Shorter values are words that occur by themselves. */
const MIN_LENGTH = 6;
const SECRET_NAME =
  /(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|PRIVATE_KEY|SSH_KEY|ACCESS_KEY|SECRET_KEY|API_KEY|CREDENTIALS?|CONNECTION_STRING)$/i;
const STAR = 0x2a;

/** What must not be shown of these variables, the longest first. */
export function secretsOf(environment: Readonly<Record<string, string>>): Buffer[] {
  const forms = new Set<string>();
  for (const [name, value] of Object.entries(environment)) {
    if (!SECRET_NAME.test(name)) continue;
    for (const form of formsOf(value)) if (form.length >= MIN_LENGTH) forms.add(form);
  }
  return [...forms].map((form) => Buffer.from(form)).sort((a, b) => b.length - a.length);
}

function* formsOf(value: string): Generator<string> {
  yield value;
  // Printed line by line.
  if (value.includes("\n")) yield* value.split("\n");
  yield JSON.stringify(value).slice(1, -1);
  if (value.isWellFormed()) yield encodeURIComponent(value);
  // In base64 its letters depend on how many bytes stand before it.
  for (const before of [0, 1, 2]) {
    const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(value)]);
    const first = Math.ceil((before * 8) / 6);
    yield bytes.toString("base64").slice(first, Math.floor((bytes.length * 8) / 6));
  }
}

/** Where secrets are in the bytes: from and to, in order of the secrets. */
export function findSecrets(bytes: Buffer, secrets: readonly Buffer[]): [from: number, to: number][] {
  const found: [number, number][] = [];
  for (const secret of secrets)
    for (let at = bytes.indexOf(secret); at >= 0; at = bytes.indexOf(secret, at + 1))
      found.push([at, at + secret.length]);
  return found;
}

export const stars = (length: number): Buffer => Buffer.alloc(length, STAR);

/** How many of the last bytes may be the begin of a secret that is not all there yet. */
export function openEnd(bytes: Buffer, secrets: readonly Buffer[]): number {
  let most = 0;
  for (const secret of secrets) {
    for (let length = Math.min(secret.length - 1, bytes.length); length > most; length--)
      if (bytes.subarray(bytes.length - length).equals(secret.subarray(0, length))) most = length;
  }
  return most;
}
