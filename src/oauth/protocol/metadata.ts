import { DEFAULT_SCOPES, isForSome, OFFLINE_ACCESS, SCOPES } from '../../account';
import type { Deployment, ServerSetting } from '../../config';
import { mergedResource, originResource, type Resource } from '../../resource';
import { ASSERTION_ALGORITHMS, GRANT_TYPES, JWT_BEARER } from './client';

/** draft-ietf-oauth-identity-assertion-authz-grant: what enterprise-managed authorization asks for. */
const ID_JAG_PROFILE = 'urn:ietf:params:oauth:grant-profile:id-jag';

/** Authorization server metadata (RFC 8414): the same document at every path where it is asked for. */
export function authorizationServerMetadata(deployment: Deployment): Record<string, unknown> {
  const { origin, settings } = deployment;
  const authMethods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'];
  return {
    issuer: origin,
    authorization_endpoint: `${origin}/authorize`,
    token_endpoint: `${origin}/oauth/token`,
    registration_endpoint: `${origin}/oauth/register`,
    revocation_endpoint: `${origin}/oauth/revoke`,
    introspection_endpoint: `${origin}/oauth/introspect`,
    jwks_uri: `${origin}/.well-known/jwks.json`,
    scopes_supported: [...SCOPES, OFFLINE_ACCESS],
    response_types_supported: ['code'],
    response_modes_supported: ['query'],
    device_authorization_endpoint: `${origin}/oauth/device_authorization`,
    ...grantsOf(settings),
    token_endpoint_auth_methods_supported: authMethods,
    token_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    revocation_endpoint_auth_methods_supported: authMethods,
    revocation_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    introspection_endpoint_auth_methods_supported: authMethods.slice(1),
    introspection_endpoint_auth_signing_alg_values_supported: ASSERTION_ALGORITHMS,
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    client_id_metadata_document_supported: true,
    // Not the servers': a server is shown only to people who may know of it.
    protected_resources: [originResource(deployment).url, mergedResource(deployment).url],
    service_documentation: origin,
    ...(settings.policyUrl === undefined ? {} : { op_policy_uri: settings.policyUrl }),
    ...(settings.termsUrl === undefined ? {} : { op_tos_uri: settings.termsUrl }),
  };
}

/** The grant types, without those that the settings give to no client. */
function grantsOf({ trustedIssuers, clients }: Deployment['settings']) {
  const serviceAccounts = clients.some(({ grant_types }) => grant_types.includes('client_credentials'));
  const trusts = trustedIssuers.length > 0;
  return {
    grant_types_supported: [
      ...GRANT_TYPES.filter((type) => trusts || type !== JWT_BEARER),
      ...(serviceAccounts ? ['client_credentials'] : []),
    ],
    ...(trusts ? { authorization_grant_profiles_supported: [ID_JAG_PROFILE] } : {}),
  };
}

/**
 * Protected resource metadata (RFC 9728) of one resource. `server`: the server whose resource it is; one that has its
 * own authorization server (`passthrough`) names that, and its own `scopes` instead of ours.
 */
export function protectedResourceMetadata(
  deployment: Deployment,
  { url }: Resource,
  server?: ServerSetting,
): Record<string, unknown> {
  const { origin, settings } = deployment;
  const issuers = server?.auth === 'passthrough' ? server.authorization_servers : undefined;
  const scopes = issuers ? server?.scopes?.split(/ +/) : DEFAULT_SCOPES;
  return {
    resource: url,
    resource_name: (server && !isForSome(server) && server.title) || settings.name,
    authorization_servers: issuers ?? [origin],
    ...(scopes === undefined ? {} : { scopes_supported: scopes }),
    bearer_methods_supported: ['header'],
    resource_documentation: origin,
    ...(settings.policyUrl === undefined ? {} : { resource_policy_uri: settings.policyUrl }),
    ...(settings.termsUrl === undefined ? {} : { resource_tos_uri: settings.termsUrl }),
  };
}
