// @ts-check
import { EXIT } from './exit.js';

export const HELP = `Usage: gatehouse-stdio <url> [options]

Brings an MCP server that is reached by HTTP to a client that speaks only stdio.

  <url>                  such as https://mcp.example.com/mcp

The credential, one of these:
  GATEHOUSE_KEY          environment: an access key or token, sent as "Authorization: Bearer …"
  --header 'Name: value' sent as it is, with every request; may be repeated. Nothing is discovered.
                         Others may see a command line: prefer GATEHOUSE_KEY where it does
  --login                sign in by a code in a browser, on this computer or another. The sign-in is kept
                         in the configuration folder; in a terminal this signs in and ends
    --scope '…'          ask for this scope instead of what the server proposes
  --logout               revoke that sign-in and forget it

Others:
  --patience <seconds>   how long a server that can't be reached is tried again (15)
  --help, --version

Ends with
  ${EXIT.ended}  the client closed the connection
  ${EXIT.usage}  the command line is wrong, or the bridge itself
  ${EXIT.noCredential}  there is no credential
  ${EXIT.refused}  the server refused the credential
  ${EXIT.unreachable}  the server could not be reached at the start

HTTPS_PROXY, NO_PROXY and NODE_EXTRA_CA_CERTS are heeded.`;
