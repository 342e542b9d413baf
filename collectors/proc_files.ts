import { attempt, builtinModule, type Platform } from "./platform.ts";

/**
 * Deno lets nobody read `/proc` who lacks a permission, of whatever kind: what the
 * files there tell could give it. `--allow-read` alone does not do.
 */
const DENO_PERMISSIONS = ["read", "write", "net", "env", "sys", "run", "ffi", "import"];

/** The ticks of `/proc/self/stat`: 100 a second wherever these runtimes run. */
const TICKS_PER_SECOND = 100;

/** The part of `node:fs` that is used. */
interface FileSystem {
  readFileSync(path: string, encoding: "utf8"): string;
  readdirSync(path: string): readonly string[];
  statSync(path: string): { readonly size: number };
}

/** What Linux tells about a process. What it does not tell is missing. */
export interface ProcNumbers {
  /** How many threads it has. */
  readonly threads?: number | undefined;
  /** Its address space, in bytes. */
  readonly virtualMemory?: number | undefined;
  /** How large its address space may be, in bytes; `Infinity` for no limit. */
  readonly maxVirtualMemory?: number | undefined;
  /** How many file descriptors are open. */
  readonly openDescriptors?: number | undefined;
  /** How many file descriptors may be open; `Infinity` for no limit. */
  readonly maxDescriptors?: number | undefined;
}

/**
 * Reads `/proc/self`, where there is one and it may be read. Never prompts and never
 * throws. See `proc(5)`.
 */
export class ProcFiles {
  readonly #platform: Platform;
  readonly #files: Partial<FileSystem> | undefined;
  /** Whether the folder of descriptors says how many it has: Linux 6.2 and later. */
  #hasCount: boolean | undefined;

  /**
   * Reads nothing yet.
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
   * Reads what there is: a few small files, without waiting.
   *
   * @returns The numbers; none where there is no `/proc`, or it may not be read.
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
   * Reads when the process began. The clock of the machine moves what it says by a little:
   * read it once.
   *
   * @returns Seconds since 1970, if it can be had.
   */
  readStartTime(): number | undefined {
    if (this.#files === undefined || !this.#isAllowed()) return undefined;
    const bootTime = finite(/^btime (\d+)$/m.exec(this.#text("/proc/stat") ?? "")?.[1]);
    const ticks = finite(this.#stat()[22]);
    if (bootTime === undefined || ticks === undefined) return undefined;
    return bootTime + ticks / TICKS_PER_SECOND;
  }

  /** Whether nothing has to be asked for: reading what may be asked for asks the user. */
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

  /** The fields of `/proc/self/stat` by their number, but for the first three. */
  #stat(): readonly string[] {
    // The second one, the name of the program, may have blanks and parentheses.
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
    // One of them is that of the folder, which is open only now.
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
