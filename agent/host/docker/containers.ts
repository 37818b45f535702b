/** What the driver asks of the daemon, one call each. A container that is not there is an answer, not an error. */
import { type DockerApi, DockerError } from "./api.ts";
import { LABELS } from "./spec.ts";
import { type Inspected, readInspected } from "./state.ts";

/** A container may take its time to start: its mounts, its network, a busy disk. */
const START_MS = 60_000;
/** A signal that is late is sent by another way. */
const KILL_MS = 5000;

export class Containers {
  readonly #api: DockerApi;
  constructor(api: DockerApi) {
    this.#api = api;
  }

  /** @returns false when the name is taken */
  async create(name: string, body: Record<string, unknown>): Promise<boolean> {
    try {
      await this.#api.call({ method: "POST", path: "/containers/create", query: { name }, body });
      return true;
    } catch (error) {
      if (error instanceof DockerError && isNameTaken(error)) return false;
      throw error;
    }
  }

  async inspect(name: string, deadlineMs?: number): Promise<Inspected | null> {
    return readInspected(
      await this.#api.find({
        ...{ method: "GET", path: `/containers/${name}/json` },
        ...(deadlineMs !== undefined && { deadlineMs }),
      }),
    );
  }

  /** Only of one that was never started: a second start runs it again. */
  async start(name: string): Promise<void> {
    await this.#api.call({ method: "POST", path: `/containers/${name}/start`, deadlineMs: START_MS });
  }

  /** @returns when it does not run any more, or is not there @throws also when it runs on */
  async wait(name: string, deadlineMs: number, signal: AbortSignal): Promise<void> {
    await this.#api.find({ method: "POST", path: `/containers/${name}/wait`, deadlineMs, signal });
  }

  /** Of one that is over already nothing is wanted. */
  async kill(name: string, signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    try {
      await this.#api.find({
        method: "POST",
        path: `/containers/${name}/kill`,
        query: { signal },
        deadlineMs: KILL_MS,
      });
    } catch (error) {
      if (!(error instanceof DockerError && error.status !== null)) throw error;
      const inspected = await this.inspect(name);
      if (inspected?.stage === "running") throw error;
    }
  }

  /** Ends it if need be. Again does nothing. */
  async remove(name: string): Promise<void> {
    await this.#api.find({ method: "DELETE", path: `/containers/${name}`, query: { force: "1", v: "1" } });
  }

  /** Keys and ids of all that belong to this data folder, whatever they do. */
  async list(data: string): Promise<{ id: string; key: string }[]> {
    const filters = JSON.stringify({ label: [`${LABELS.data}=${data}`] });
    const said = await this.#api.call({ method: "GET", path: "/containers/json", query: { all: "1", filters } });
    return (Array.isArray(said) ? said : []).flatMap(({ Id, Labels }) =>
      // what it filters by is looked at again: nobody else's container may be taken for ours
      typeof Id === "string" && Labels?.[LABELS.data] === data ? [{ id: Id, key: String(Labels[LABELS.key]) }] : [],
    );
  }
}

/** Docker says 409, Podman 500 and so in words. */
export const isNameTaken = ({ status, message }: DockerError): boolean =>
  status === 409 || (status === 500 && /name .* is already in use/.test(message));

/** Podman has no first process of its own to give. */
export const lacksInit = (error: unknown): boolean =>
  error instanceof DockerError && /container-init binary not found|catatonit/.test(error.message);
