// @ts-check
import { EXIT } from './exit.js';

export const HELP = `Usage: gatehouse-stdio <url> [options]

Connects a client that supports only stdio to an MCP server over HTTP.

  <url>                  for example https://mcp.example.com/mcp

Credential (exactly one):
  GATEHOUSE_KEY          environment variable with an access key or token, sent as "Authorization: Bearer …"
  --header 'Name: value' sent with every request, unchanged; can be repeated. Disables discovery.
                         Other users of this computer may see the command line, so prefer GATEHOUSE_KEY
  --login                sign in with a code in a browser, on this or another computer. The sign-in is
                         saved in the configuration folder. In a terminal, exits after signing in
    --scope '…'          request this scope instead of the server's default
  --logout               revoke the saved sign-in and delete it

Other options:
  --patience <seconds>   how long to retry a server that can't be reached (default: 15)
  --help, --version

Exit codes:
  ${EXIT.ended}  the client closed the connection
  ${EXIT.usage}  the command line is wrong, or the bridge failed
  ${EXIT.noCredential}  there is no credential
  ${EXIT.refused}  the server rejected the credential
  ${EXIT.unreachable}  the server couldn't be reached at startup

Respects HTTPS_PROXY, NO_PROXY, and NODE_EXTRA_CA_CERTS.`;
