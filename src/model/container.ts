/** What a task needs beside its command: files from elsewhere, and how its container is to be. */

/** Fetched into the task's folder before it starts. */
export interface Uri {
  value: string;
  /** it is made executable, and not extracted */
  executable: boolean;
  /** an archive (.tar, .tar.gz, .tgz, .tar.bz2, .tbz2, .tar.xz, .txz, .gz, .zip) is unpacked there */
  extract: boolean;
  /** its name there; null: the last part of the URI */
  outputFile: string | null;
}

/** Of a task with driver docker. */
export interface Container {
  /** null: as the node has it */
  network: "host" | "bridge" | "none" | null;
  forcePull: boolean;
  hostname: string | null;
  portMappings: readonly { hostPort: number; containerPort: number; protocol: "tcp" | "udp" }[];
  /** host paths are the node owner's to allow */
  volumes: readonly { hostPath: string; containerPath: string; isReadOnly: boolean }[];
  /** the words of the command are arguments of the image's own entrypoint */
  isEntrypoint: boolean;
}
