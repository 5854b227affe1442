import { say } from './sentence';

/** The page of `/` and `/mcp`: how to connect each client. */
export const connectAppWords = {
  title: (name: string) => say`Connect your AI app to ${name}’s tools`,
  lead: 'Give your app this address. It brings you here to sign in and to choose what the app can do.',
  url: 'Address',
  pick: 'One click selects it all.',
  clients: 'Step by step',
  oneClick: (client: string) => `Add to ${client}`,
  orByHand: 'Or set it up yourself:',
  hint: (origin: string, url: string) =>
    say`If your app accepts only a host name, use ${origin}. It leads to the same tools as ${url}.`,
  steps: {
    claude: {
      name: 'Claude',
      steps: [
        'On the web or desktop, open Settings, then Connectors. (On Team and Enterprise plans, an owner does this once in the organization’s settings.)',
        'Choose “Add custom connector”, paste the address above, and choose Add.',
        'Choose Connect and sign in. It then works on your phone, too.',
      ],
    },
    claudeCode: {
      name: 'Claude Code',
      steps: ['In a terminal:', 'Start claude, type /mcp, select the server, and choose Authenticate.'],
    },
    chatgpt: {
      name: 'ChatGPT',
      steps: [
        'On the web, open Settings, then Apps (or Connectors), then Advanced, and turn on Developer mode. (In a workspace, an admin must allow it first.)',
        'Back under Apps, choose Create. Give it a name, paste the address above as the MCP server URL, and choose OAuth.',
        'Choose Create and sign in.',
      ],
    },
    cursor: {
      name: 'Cursor',
      steps: [
        'Add this to ~/.cursor/mcp.json, or to .cursor/mcp.json in a project:',
        'Open Settings, then MCP, and choose Connect next to the server.',
      ],
    },
    vscode: {
      name: 'VS Code',
      steps: [
        'Add this to .vscode/mcp.json in a project (or run “MCP: Add Server” and paste the address):',
        'Choose Start above the entry, and allow the sign-in.',
      ],
    },
    inspector: {
      name: 'MCP Inspector',
      steps: ['In a terminal:', 'On the page that opens, choose Connect.'],
    },
    remote: {
      name: 'Any other app, with mcp-remote',
      steps: [
        'For an app that can only start local (stdio) servers, add this to its MCP settings:',
        'To try it in a terminal:',
      ],
    },
  },
};
