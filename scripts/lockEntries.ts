/** Which packages of other platforms a lock file lacks, and what their entries would say. Pure. */

export interface LockedPackage {
  version?: string;
  resolved?: string;
  optional?: boolean;
  dev?: boolean;
  license?: string;
  os?: string[];
  cpu?: string[];
  libc?: string[];
  engines?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
}

export interface Lock {
  packages: Record<string, LockedPackage>;
}

/** Words in a package's name that say for which platform it is. */
const OS = new Map([["windows", "win32"], ...["android", "darwin", "linux", "win32"].map((os) => [os, os] as const)]);
const CPU = new Map([["64", "x64"], ...["x64", "arm64"].map((cpu) => [cpu, cpu] as const)]);

export function missingPackages({ packages }: Lock): Record<string, LockedPackage> {
  const missing: Record<string, LockedPackage> = {};
  for (const [parent, { optionalDependencies = {}, dev, license, engines }] of Object.entries(packages)) {
    for (const [name, version] of Object.entries(optionalDependencies)) {
      if (isFound(packages, parent, name)) continue;
      const words = name.split(/[/-]/);
      const os = words.map((word) => OS.get(word)).find(Boolean);
      const cpu = words.map((word) => CPU.get(word)).find(Boolean);
      missing[`node_modules/${name}`] = {
        version,
        ...(cpu && { cpu: [cpu] }),
        ...(dev && { dev }),
        ...(license && { license }),
        optional: true,
        ...(os && { os: [os] }),
        ...(words.includes("musl") && { libc: ["musl"] }),
        ...(engines && { engines }),
      };
    }
  }
  return missing;
}

/** As Node looks for it: beside its parent's own dependencies, then one folder up, and so on. */
function isFound(packages: Lock["packages"], parent: string, name: string): boolean {
  for (let folder = parent; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    if (packages[`${folder === "" ? "" : `${folder}/`}node_modules/${name}`]) return true;
    if (folder === "") return false;
  }
}
