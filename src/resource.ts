import { canonicalUrl } from './issuer';
import { ok, type Refusal, type Result, refuse } from './result';

/*
 * Resources as OAuth means them (RFC 8707): what a token is for. This is the only file that knows which URL is which
 * resource. What MCP calls a resource (`resources/read`) is something else.
 */

/** What a token can be for: all servers at the merged endpoint, or one server at its own. */
export type Resource = MergedResource | ServerResource;

/**
 * The merged endpoint. It has two URLs, the origin and `/mcp`, since clients compare the resource with the URL that
 * they were given. Both are one resource: see {@link isSameResource}.
 */
interface MergedResource {
  kind: 'merged';
  /** Canonical: `{origin}` or `{origin}/mcp`. */
  url: string;
}

/** One server's own endpoint. */
interface ServerResource {
  kind: 'server';
  /** Canonical: `{origin}/mcp/{server}`. */
  url: string;
  /** The server's name in the settings. */
  server: string;
}

/** Where the resources are: the deployment's origin, in canonical form. */
interface AtOrigin {
  origin: string;
}

/** A deployment, as much of it as says which resources there are. */
interface ResourceHost extends AtOrigin {
  settings: { servers: readonly { name: string; auth: string }[] };
}

/** The resource at `/`. */
export function originResource({ origin }: AtOrigin): MergedResource {
  return { kind: 'merged', url: origin };
}

/** The resource at `/mcp`: also what a request that names no resource is for. */
export function mergedResource({ origin }: AtOrigin): MergedResource {
  return { kind: 'merged', url: `${origin}/mcp` };
}

/** The resource at `/mcp/{server}`; a server's name needs no escaping in a URL. */
export function serverResource({ origin }: AtOrigin, { name }: { name: string }): ServerResource {
  return { kind: 'server', url: `${origin}/mcp/${name}`, server: name };
}

/**
 * All resources for which this deployment issues tokens. A server that has its own authorization server
 * (`passthrough`) is none of them.
 */
export function resourcesOf(host: ResourceHost): Resource[] {
  const servers = host.settings.servers.filter(({ auth }) => auth !== 'passthrough');
  return [
    originResource(host),
    mergedResource(host),
    ...servers.map((server) => serverResource(host, server)),
  ];
}

/**
 * The resource that a client names (RFC 8707 section 2). Spellings of scheme, host, default port and the root's slash
 * don't matter (`canonicalUrl`); nothing else may differ. Refused when this deployment has no such resource.
 */
export function resourceNamed(host: ResourceHost, name: string): Result<Resource, Refusal<'target_unknown'>> {
  const url = canonicalUrl(name);
  const found = resourcesOf(host).find((resource) => resource.url === url);
  return found ? ok(found) : refuse('target_unknown');
}

/**
 * The resource that a canonical URL, kept in a grant or a flow, stood for when it was kept. The server may have been
 * removed from the settings since. Undefined: a URL of another origin, which is no resource of this deployment.
 */
export function parseResource(at: AtOrigin, url: string): Resource | undefined {
  if (url === at.origin) return originResource(at);
  const merged = mergedResource(at);
  if (url === merged.url) return merged;
  if (!url.startsWith(`${merged.url}/`)) return undefined;
  return serverResource(at, { name: url.slice(merged.url.length + 1) });
}

/** Whether a token for one resource is good at the other. What isn't a resource (undefined) is the same as none. */
export function isSameResource(one: Resource | undefined, other: Resource | undefined): boolean {
  if (!one || !other) return false;
  return one.kind === 'merged' ? other.kind === 'merged' : one.url === other.url;
}

/** Where a resource's metadata is (RFC 9728 section 3.1): the well-known path goes before the resource's own. */
export function resourceMetadataUrl({ origin }: AtOrigin, { url }: Resource): string {
  return `${origin}/.well-known/oauth-protected-resource${url.slice(origin.length)}`;
}
