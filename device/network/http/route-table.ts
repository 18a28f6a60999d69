import type { HttpRoute, HttpRoutes } from './http.js';

/** What a request leads to: a route, or the status of a refusal. */
export type Found =
  | { readonly route: HttpRoute }
  | { readonly status: 404 }
  /** The path exists, with these methods. */
  | { readonly status: 405; readonly allow: string };

/** The routes of a server, by path and method. */
export class RouteTable implements HttpRoutes {
  readonly #routes = new Map<string, Map<string, HttpRoute>>();

  add(route: HttpRoute): void {
    const { method, path } = route;
    const methods = this.#routes.get(path) ?? new Map<string, HttpRoute>();
    if (methods.has(method)) throw new Error(`${method} ${path}: this route exists already`);
    this.#routes.set(path, methods.set(method, route));
  }

  find(method: string, path: string): Found {
    const methods = this.#routes.get(path);
    if (!methods) return { status: 404 };
    const route = methods.get(method === 'HEAD' ? 'GET' : method);
    if (route) return { route };
    const allowed = [...methods.keys()].flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one]));
    return { status: 405, allow: allowed.join(', ') };
  }
}
