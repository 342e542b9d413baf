import { attempt, builtinModule, type Platform } from "./platform.ts";

/**
 * The permissions that Deno requires for `/proc`. It requires all of them, because files in `/proc`
 * could be used to escalate permissions. `--allow-read` alone is not enough.
 */
const DENO_PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

/** The ticks per second in `/proc/self/stat`: 100 on all platforms of these runtimes. */
const TICKS_PER_SECOND = 100;

/** The part of `node:fs` that is used. */
interface FileSystem {
  readFileSync(path: string, encoding: "utf8"): string;
  readdirSync(path: string): readonly string[];
  statSync(path: string): { readonly size: number };
}

/** The numbers of a process on Linux. Unknown ones are missing. */
export interface ProcNumbers {
  /** The number of threads. */
  readonly threads?: number | undefined;
  /** The size of the address space, in bytes. */
  readonly virtualMemory?: number | undefined;
  /** The limit of the address space, in bytes. `Infinity` for no limit. */
  readonly maxVirtualMemory?: number | undefined;
  /** The number of open file descriptors. */
  readonly openDescriptors?: number | undefined;
  /** The limit of file descriptors. `Infinity` for no limit. */
  readonly maxDescriptors?: number | undefined;
}

/**
 * Reads `/proc/self`, if it exists and may be read. Never prompts and never throws. See `proc(5)`.
 */
export class ProcFiles {
  readonly #platform: Platform;
  readonly #files: Partial<FileSystem> | undefined;
  /** Whether the size of the descriptor folder is their number, as on Linux 6.2 and later. */
  #hasCount: boolean | undefined;

  /**
   * Creates a reader. It does not read yet.
   *
   * @param platform The global object.
   */
  constructor(platform: Platform) {
    this.#platform = platform;
    this.#files = platform.process?.platform === "linux"
      ? attempt(() => builtinModule<FileSystem>(platform, "node:fs"))
      : undefined;
  }

  /**
   * Reads a few small files synchronously.
   *
   * @returns The numbers. Empty if there is no `/proc`, or if it may not be read.
   */
  read(): ProcNumbers {
    if (this.#files === undefined || !this.#isAllowed()) return {};
    const stat = this.#stat();
    const limits = this.#text("/proc/self/limits") ?? "";
    return {
      threads: finite(stat[20]),
      virtualMemory: finite(stat[23]),
      maxVirtualMemory: limit(/^Max address space +(\S+)/m.exec(limits)?.[1]),
      openDescriptors: attempt(() => this.#countDescriptors()),
      maxDescriptors: limit(/^Max open files +(\S+)/m.exec(limits)?.[1]),
    };
  }

  /**
   * Reads the start time of the process. It varies slightly with the clock of the machine, so read
   * it once.
   *
   * @returns Seconds since 1970, if it is known.
   */
  readStartTime(): number | undefined {
    if (this.#files === undefined || !this.#isAllowed()) return undefined;
    const bootTime = finite(/^btime (\d+)$/m.exec(this.#text("/proc/stat") ?? "")?.[1]);
    const ticks = finite(this.#stat()[22]);
    if (bootTime === undefined || ticks === undefined) return undefined;
    return bootTime + ticks / TICKS_PER_SECOND;
  }

  /** Returns whether all permissions are granted. Otherwise a read could prompt the user. */
  #isAllowed(): boolean {
    const { Deno: deno } = this.#platform;
    if (deno === undefined) return true;
    return attempt(() =>
      DENO_PERMISSIONS.every((name) => {
        const { state, partial } = deno.permissions.querySync({ name });
        return state === "granted" && partial !== true;
      })
    ) ?? false;
  }

  /** Reads the fields of `/proc/self/stat` by their number, without the first three. */
  #stat(): readonly string[] {
    // The second field, the name of the program, may contain spaces and parentheses.
    const rest = this.#text("/proc/self/stat")?.replace(/^.*\) /s, "").split(" ") ?? [];
    return ["", "", "", ...rest];
  }

  #text(path: string): string | undefined {
    return attempt(() => this.#files?.readFileSync?.(path, "utf8"));
  }

  #countDescriptors(): number | undefined {
    const path = "/proc/self/fd";
    const size = this.#files?.statSync?.(path).size;
    if (this.#hasCount) return size;
    const entries = this.#files?.readdirSync?.(path);
    if (entries === undefined) return undefined;
    // One of them belongs to the folder, which is only open now.
    const count = entries.length - 1;
    this.#hasCount ??= size === count;
    return count;
  }
}

function finite(text: string | undefined): number | undefined {
  const number = text === undefined || text === "" ? NaN : Number(text);
  return Number.isFinite(number) ? number : undefined;
}

function limit(text: string | undefined): number | undefined {
  return text === "unlimited" ? Infinity : finite(text);
}
