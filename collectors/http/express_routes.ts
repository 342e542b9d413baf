import { originalUrlOf } from "./listener_recorder.ts";

/** A path as a program gives it to Express. */
type Path = string | RegExp | readonly Path[];

/** The members of a `Route` that are used here. */
interface Route {
  readonly path: Path;
}

/** The result of a match. */
interface Match {
  /** The part of the path that it has matched. */
  readonly path: string;
  /** The pattern, in Express 5 with a router from 2.3 on. */
  readonly pattern?: Path;
  readonly params: object;
}

/**
 * The members of a router's layer that are used here, in Express 4 and 5. None of them is changed,
 * and no method is called that keeps anything of a request.
 */
interface Layer {
  readonly route?: Route | undefined;
  readonly handle: unknown;
  /** Whether it matches any path, because it is mounted at "/". In Express 5. */
  readonly slash?: boolean;
  /** The path as it was given, in Express 5 with a router from 2.3 on. */
  readonly rawPath?: Path;
  /** In Express 5 with a router from 2.3 on, it keeps nothing. */
  match?(path: string): Match | false;
  /** In Express 5. */
  readonly matchers?: readonly ((path: string) => Match | false)[];
  /** In Express 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean };
  /** The names of the parameters, in Express 4. */
  readonly keys?: readonly { readonly name: string | number }[];
}

/** The members of an application that are used here. */
interface App {
  readonly parent?: App;
  readonly mountpath?: Path;
}

/** A request, after Express has routed it. */
export interface RoutedRequest {
  /** The method. */
  readonly method?: string | undefined;
  /** The path and the query, without the part that a mount path has matched. */
  readonly url?: string | undefined;
  /** The headers, by their names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** The way to a route: the layers that it is mounted by, and its own. */
type Way = readonly Layer[];

/** Finds the patterns of routes, with those that they are mounted at. */
export class ExpressRoutes {
  /** The ways to each route. There are several if its router is mounted more than once. */
  readonly #ways: WeakMap<Route, Way[]> = new WeakMap();
  /** The label of each route that can be reached in one way only, and has one pattern. */
  readonly #names: WeakMap<Route, string> = new WeakMap();

  /**
   * Returns the route that a request has matched: its pattern behind those of its mount paths.
   *
   * @param request The request.
   * @param before Its `app` before it was routed.
   * @returns The route, or `""` if none has matched.
   */
  find(request: RoutedRequest, before: unknown): string {
    const { route, app } = request as { route?: Route; app?: App };
    if (route === undefined || route === null) return "";
    const name = this.#names.get(route);
    if (name !== undefined) return name;
    let ways = this.#ways.get(route);
    if (ways === undefined) {
      // A sub-app is not among the layers of the one that it is mounted on.
      for (const each of new Set([before as App | undefined, app])) this.#index(each);
      ways = this.#ways.get(route) ?? [];
      this.#ways.set(route, ways);
    }
    const [first] = ways;
    if (first !== undefined && ways.length === 1 && first.every(hasOneName)) {
      const only = join(first.map((layer) => nameOf(layer)));
      this.#names.set(route, only);
      return only;
    }
    const path = pathOf(originalUrlOf(request));
    for (const way of ways) {
      const found = follow(way, path);
      if (found !== undefined) return found;
    }
    return `*${textOf(route.path)}`;
  }

  /** Notes the ways to all routes of an application. */
  #index(app: App | undefined): void {
    if (app === undefined) return;
    this.#walk(routerOf(app), mountsOf(app));
  }

  #walk(router: unknown, mounts: Way): void {
    const { stack } = (router ?? {}) as { stack?: readonly Layer[] };
    // A router may be mounted in itself.
    if (!Array.isArray(stack) || mounts.length > 20) return;
    for (const layer of stack as readonly Layer[]) {
      const way = [...mounts, layer];
      if (layer.route === undefined || layer.route === null) {
        this.#walk(routerOf(layer.handle), way);
        continue;
      }
      const ways = this.#ways.get(layer.route) ?? [];
      if (!ways.some((known) => isSame(known, way))) this.#ways.set(layer.route, [...ways, way]);
    }
  }
}

/** The router of an application, or the router itself. */
function routerOf(handle: unknown): unknown {
  if (typeof handle !== "function") return undefined;
  const { stack, _router: own } = handle as { stack?: unknown; _router?: unknown };
  if (stack !== undefined) return handle;
  // Express 4 has it under this name, and throws if asked for the other one.
  if (own !== undefined) return own;
  try {
    return (handle as { router?: unknown }).router;
  } catch {
    return undefined;
  }
}

/** The mount paths of an application that is mounted on others, as layers. */
function mountsOf(app: App): Way {
  const mounts: Layer[] = [];
  for (let at = app; at.parent !== undefined; at = at.parent) {
    mounts.unshift(mountLayer(at.mountpath ?? "/"));
  }
  return mounts;
}

/** A layer for a mount path of which only the text is known. */
function mountLayer(path: Path): Layer {
  return { handle: undefined, rawPath: path, slash: path === "/" };
}

function isSame(a: Way, b: Way): boolean {
  return a.length === b.length && a.every((layer, i) => layer === b[i]);
}

/** Whether the label of a layer is the same for all requests. */
function hasOneName(layer: Layer): boolean {
  if (isRoot(layer)) return true;
  const path = layer.route?.path ?? layer.rawPath;
  if (path !== undefined) return !Array.isArray(path);
  const [only, ...others] = alternativesOf(layer);
  return others.length === 0 && only?.name !== undefined;
}

function nameOf(layer: Layer): string {
  if (isRoot(layer)) return "";
  const path = layer.route?.path ?? layer.rawPath;
  return path === undefined ? alternativesOf(layer)[0]?.name ?? "*" : textOf(path);
}

function isRoot(layer: Layer): boolean {
  return layer.route == null && (layer.slash === true || layer.regexp?.fast_slash === true);
}

/** Returns the label of a path. If there are several, it has all of them. */
function textOf(path: Path): string {
  return flatten(path).join("|");
}

function flatten(path: Path): (string | RegExp)[] {
  return typeof path === "string" || path instanceof RegExp ? [path] : path.flatMap(flatten);
}

/** Joins the labels of a way's layers. */
function join(names: readonly string[]): string {
  const route = names.at(-1) ?? "";
  // A mount path matches with a slash behind it and without.
  const mount = names.slice(0, -1).map((name) => name.replace(/(?<!\/)\/+$/, "")).join("");
  return route === "/" && mount !== "" ? mount : mount + route;
}

/** Goes a way with the path of a request, or returns `undefined` if it does not lead there. */
function follow(way: Way, path: string): string | undefined {
  const names: string[] = [];
  let rest = path;
  for (const layer of way) {
    if (isRoot(layer)) continue;
    const match = matchOf(layer, rest);
    if (match === undefined) return undefined;
    names.push(match.name);
    rest = rest.slice(match.path.length);
    if (!rest.startsWith("/")) rest = `/${rest}`;
  }
  return join(names);
}

/** Returns the part of a path that a layer matches, and the label of the layer. */
function matchOf(layer: Layer, path: string): { path: string; name: string } | undefined {
  const { regexp, matchers, rawPath } = layer;
  if (regexp !== undefined) {
    for (const { regexp, name } of alternativesOf(layer)) {
      const found = regexp.exec(path);
      if (found === null) continue;
      return { path: found[0], name: name ?? nameOfMatch(layer, found[0], found.length > 1) };
    }
    return undefined;
  }
  if (matchers === undefined) {
    // The mount path of an application. One that is no literal text cannot be followed.
    const text = flatten(rawPath ?? []).find((each) =>
      typeof each === "string" && path.toLowerCase().startsWith(each.toLowerCase())
    );
    return typeof text === "string" ? { path: text, name: text } : undefined;
  }
  try {
    for (const [i, matcher] of matchers.entries()) {
      const match = matcher(path);
      if (!match) continue;
      const pattern = rawPath === undefined ? undefined : flatten(rawPath)[i];
      const name = pattern === undefined
        ? nameOfMatch(layer, match.path, Object.keys(match.params).length > 0)
        : String(pattern);
      return { path: match.path, name };
    }
  } catch {
    // A parameter that cannot be decoded.
  }
  return undefined;
}

/** Returns the label of a layer that has matched a text, and whose pattern is unknown. */
function nameOfMatch({ route }: Layer, text: string, hasParameters: boolean): string {
  if (route == null) return hasParameters ? "*" : text;
  // Of several paths, the one that the request has word for word.
  return flatten(route.path).find((each) => each === text)?.toString() ?? textOf(route.path);
}

/** One of the paths of a layer of Express 4. */
interface Alternative {
  readonly regexp: RegExp;
  /** The path as the program has given it, if that can be told. */
  readonly name: string | undefined;
}

const alternatives: WeakMap<Layer, readonly Alternative[]> = new WeakMap();

/** The paths of a layer of Express 4, taken from its expression. */
function alternativesOf(layer: Layer): readonly Alternative[] {
  const known = alternatives.get(layer);
  if (known !== undefined) return known;
  const { regexp, keys = [] } = layer;
  if (regexp === undefined) return [];
  let next = 0;
  // Each begins with "^". Some versions have parentheses around several.
  const found = regexp.source.replace(/^\(\?:(?=\^)(.*)\)$/, "$1").split(/\|(?=\^)/).map(
    (source) => {
      const path = source.replace(
        PARAMETER_REGEXP,
        (_, slash = "", optional = "") => `${slash}:${keys[next++]?.name}${optional}`,
      ).replace(/^\^/, "").replace(END_REGEXP, "")
        .replaceAll(/\\([/.-])/g, "$1");
      const name = /^[\w/:.~!@%?-]+$/.test(path) ? path : undefined;
      return { regexp: new RegExp(source, regexp.flags), name };
    },
  );
  alternatives.set(layer, found);
  return found;
}

/** A parameter in an expression of Express 4, whose slash may be in its group. */
const PARAMETER_REGEXP = /\(\?:(\\\/)?\((?:[^()\\]|\\.)+\)\)(\?)?/g;

/** How Express 4 ends an expression: that of a mount path, or that of a route. */
const END_REGEXP = /\\\/\?(?:\(\?=\\\/\|\$\)|\$)$/;

function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}
