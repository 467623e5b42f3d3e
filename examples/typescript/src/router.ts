/** What a route's handler gets. */
export interface Context<Env> {
  request: Request;
  url: URL;
  params: Record<string, string>;
  env: Env;
}

export type Handler<Env> = (context: Context<Env>) => Response | Promise<Response>;

/** Routes by method and path; `:name` stands for one part of a path. */
export class Router<Env> {
  readonly #routes: { parts: string[]; handler: Handler<Env> }[] = [];

  get(path: string, handler: Handler<Env>): this {
    this.#routes.push({ parts: path.split("/"), handler });
    return this;
  }

  /** The answer of the first route that fits, `undefined` when none does. */
  handle(request: Request, env: Env): Response | Promise<Response> | undefined {
    if (request.method !== "GET") return undefined;
    const url = new URL(request.url);
    const path = url.pathname.split("/");
    for (const { parts, handler } of this.#routes) {
      const params = match(parts, path);
      if (params !== undefined) return handler({ request, url, params, env });
    }
    return undefined;
  }
}

function match(parts: string[], path: string[]): Record<string, string> | undefined {
  if (parts.length !== path.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, part] of parts.entries()) {
    const actual = path[index]!;
    if (part.startsWith(":")) params[part.slice(1)] = decodeURIComponent(actual);
    else if (part !== actual) return undefined;
  }
  return params;
}
