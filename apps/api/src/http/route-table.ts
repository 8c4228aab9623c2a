/** One registered route; `path` as Fastify writes it, such as `/v1/jobs/:id`. */
export interface Route {
  readonly method: string;
  readonly path: string;
}

/** Methods that some route offers at this request path; empty where there is no such path. */
export function allowedMethods(routes: readonly Route[], requestPath: string): readonly string[] {
  const methods = routes.filter((route) => matches(route.path, requestPath)).map((route) => route.method);
  return [...new Set(methods)].toSorted();
}

function matches(pattern: string, requestPath: string): boolean {
  const wanted = pattern.split('/');
  const given = requestPath.split('/');
  return (
    wanted.length === given.length &&
    wanted.every((segment, i) => (segment.startsWith(':') ? given[i] !== '' : segment === given[i]))
  );
}
