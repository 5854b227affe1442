import type { Deployment } from '../../config';

/** Where a request came from, as far as the platform says. The consent page shows it. */
export interface RequestSource {
  address?: string;
  /** City and country of the address, as people write them. */
  location?: string;
}

/** The source by the platform's own header (`CF-Connecting-IP`) and data, which locally are made up and left out. */
export function describeSource(deployment: Deployment, request: Request): RequestSource {
  const address = request.headers.get('cf-connecting-ip')?.slice(0, 60);
  const { city, country } = (deployment.local ? {} : (request.cf ?? {})) as {
    city?: unknown;
    country?: unknown;
  };
  const location = [city, country]
    .filter((part) => typeof part === 'string')
    .join(', ')
    .slice(0, 100);
  return { ...(address ? { address } : {}), ...(location ? { location } : {}) };
}
