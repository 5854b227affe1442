/**
 * The style of the pages, inline in each: what it may hold is fixed by hashes in the policy, so pages have no
 * `style` attributes. Only logical properties, so that right-to-left pages mirror by themselves.
 */
const COMMON = `
:root{
  color-scheme:light dark;
  --bg:#f2f4f3;--card:#fff;--ink:#15201c;--soft:#52605a;--line:#dfe4e1;--edge:#78867f;
  --accent:#0a6a57;--tint:#eef6f3;--warn:#624400;--warn-bg:#fcf3dc;--bad:#a1231c;--bad-bg:#fdeeec;
}
@media(prefers-color-scheme:dark){:root{
  --bg:#0c1110;--card:#151c1a;--ink:#e8eeeb;--soft:#a3b1ab;--line:#2a3431;--edge:#71807a;
  --accent:#5cd3b5;--tint:#172823;--warn:#f0d18a;--warn-bg:#2b2413;--bad:#ffa198;--bad-bg:#321a18;
}}
*{box-sizing:border-box;margin:0}
html{-webkit-text-size-adjust:100%}
body{
  min-block-size:100vh;background:var(--bg);color:var(--ink);
  font:1rem/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;overflow-wrap:anywhere;
}
header,footer,main{max-inline-size:30rem;margin-inline:auto;padding-inline:1.25rem}
header{display:flex;align-items:center;gap:.6rem;padding-block:1rem;font-weight:600}
header .mark{inline-size:1.75rem;block-size:1.75rem;border-radius:.5rem;font-size:.9rem}
main{background:var(--card);border-block:1px solid var(--line);padding-block:1.75rem}
footer{display:flex;flex-wrap:wrap;gap:.5rem 1.5rem;padding-block:1.25rem 2rem;font-size:.875rem}
footer a{color:var(--soft)}
@media(min-width:32rem){
  header,footer{padding-inline:2.25rem}
  header{padding-block:2.5rem 1rem}
  main{margin-block-end:2rem}
  body>main:first-child{margin-block-start:2rem}
  main{padding:2.25rem;border:1px solid var(--line);border-radius:1rem;box-shadow:0 1px 2px #0000000a,0 12px 32px #0000000f}
}
h1{font-size:1.5rem;line-height:1.25;font-weight:650;letter-spacing:-.012em;text-wrap:balance}
h2,legend{font-size:1rem;font-weight:650;padding:0}
h1+*{margin-block-start:.75rem}
h2{margin-block:1.75rem .25rem}
.lead{color:var(--soft)}
.hint,small{color:var(--soft);font-size:.875rem;line-height:1.45}
.middle{text-align:center}
.rule{margin-block-start:1.75rem;padding-block-start:1rem;border-block-start:1px solid var(--line)}
a{color:var(--accent);text-underline-offset:.2em}
.mark{
  display:grid;place-items:center;inline-size:3rem;block-size:3rem;flex:none;object-fit:contain;
  border-radius:.85rem;background:var(--accent);color:var(--card);font-size:1.35rem;font-weight:650;line-height:1;
}
img.mark{background:none}
.pair{display:flex;align-items:center;gap:.6rem;margin-block-end:1.25rem}
.pair .mark:first-child{background:var(--tint);color:var(--accent);box-shadow:inset 0 0 0 1px var(--line)}
.pair i{inline-size:1.75rem;border-block-start:2px dotted var(--edge)}
.facts{display:grid;grid-template-columns:auto 1fr;gap:.7rem 1.25rem;margin-block:1.25rem;padding-block:1rem;border-block:1px solid var(--line)}
dt{color:var(--soft)}
dd>.hint{display:block}
.name{font-weight:600}
.badge{display:inline-block;padding:.05rem .5rem;border-radius:1rem;background:var(--warn-bg);color:var(--warn);font-size:.8125rem;font-weight:550}
.good{background:var(--tint);color:var(--accent)}
.good::before{content:'\\2713\\a0'}
.note{padding:.75rem 1rem;border-radius:.6rem;margin-block:1.25rem;font-size:.9375rem}
.warn{background:var(--warn-bg);color:var(--warn)}
.bad{background:var(--bad-bg);color:var(--bad)}
fieldset{border:0;padding:0;margin-block-start:1.5rem;min-inline-size:0}
legend{margin-block-end:.5rem}
.row{border:1px solid var(--line);margin-block-start:-1px}
legend+.row,.row:first-child{border-start-start-radius:.75rem;border-start-end-radius:.75rem}
.row:last-child{border-end-start-radius:.75rem;border-end-end-radius:.75rem}
.row label{display:flex;gap:.8rem;padding:.75rem 1rem;cursor:pointer}
.row label>span{flex:1;min-inline-size:0}
.row small{display:block}
.row em{margin-inline-start:.5rem;color:var(--soft);font-style:normal;font-size:.8125rem}
.row details,.row>.hint{margin:-.35rem 1rem .75rem;padding-inline-start:2.05rem;font-size:.875rem}
.risky:has(:checked){background:var(--bad-bg)}
.risky b{color:var(--bad)}
[type=checkbox]{inline-size:1.25rem;block-size:1.25rem;margin-block-start:.125rem;flex:none;accent-color:var(--accent)}
b{font-weight:600}
summary{cursor:pointer;list-style:none;display:flex;flex-wrap:wrap;gap:0 .75rem;align-items:center;color:var(--soft);border-radius:.25rem}
summary::-webkit-details-marker{display:none}
summary::after{content:'';inline-size:.4rem;block-size:.4rem;border:solid;border-width:0 1.5px 1.5px 0;rotate:45deg;translate:0 -.1rem}
[open]>summary::after{rotate:225deg;translate:0 .1rem}
details ul{padding-inline-start:1.1rem;color:var(--soft)}
details div{margin-block-start:.5rem}
form:not(:has([name=scope]:checked)) .read,
form:not(:has([value='mcp:write']:checked,[value='mcp:destructive']:checked)) .write,
form:not(:has([value='mcp:destructive']:checked)) .destructive,
.row:has([name=server]:not(:checked)) details{text-decoration:line-through}
.field{display:block;font-weight:600;margin-block-start:1rem}
legend+.field{margin-block-start:0;font-weight:400}
input:not([type=checkbox]){
  display:block;inline-size:100%;margin-block-start:.35rem;padding:.65rem .8rem;min-block-size:2.9rem;
  font:inherit;font-weight:400;color:inherit;background:var(--card);border:1px solid var(--edge);border-radius:.6rem;
}
.when{display:flex;align-items:center}
.when input{inline-size:auto;margin:0;margin-inline-start:auto}
.field+.hint{margin-block-start:.35rem}
.more{margin-block-start:1rem}
button,.button{
  display:block;inline-size:100%;margin-block-start:1rem;padding:.75rem 1rem;min-block-size:3rem;cursor:pointer;
  font:inherit;font-weight:600;text-align:center;text-decoration:none;
  color:var(--card);background:var(--ink);border:1px solid transparent;border-radius:.6rem;
}
button:hover,.button:hover{background:var(--accent)}
.buttons{display:grid;grid-template-columns:1fr 1fr;gap:.75rem;margin-block:1.75rem 1rem}
.buttons button{margin:0}
.link{
  display:inline;inline-size:auto;min-block-size:1.5rem;margin:0;padding:0;font-weight:400;font-size:.875rem;
  color:var(--accent);background:none;text-decoration:underline;text-underline-offset:.2em;
}
.link:hover{background:none}
.quiet{color:var(--ink);background:none;border-color:var(--edge)}
.quiet:hover{color:var(--card)}
form:not(.buttons)+.hint:not(.rule){margin-block-start:.75rem}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
form+form{margin-block-start:.75rem}
button+.hint{margin-block-start:1rem}
.or{display:flex;align-items:center;gap:1rem;margin-block:1.25rem;color:var(--soft)}
.or::before,.or::after{content:'';flex:1;border-block-start:1px solid var(--line)}
.pickable{-webkit-user-select:all;user-select:all}
pre,code{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.875rem}
pre{margin-block:.5rem;padding:.75rem 1rem;white-space:pre-wrap;background:var(--tint);border-radius:.6rem}
ol{padding-inline-start:1.35rem}
li+li{margin-block-start:.35rem}
details li+li{margin-block-start:0}
`;

/** What only some pages need besides, so that the others stay light. */
const PARTS = {
  /** Lists of accounts at servers, of pages, of people, and of what happened, with their filters. */
  lists: `
.rows{list-style:none;padding:0;margin-block-start:1.25rem}
.rows+form{margin-block-start:1.5rem}
.row>a{display:block;padding:.75rem 1rem;color:inherit;text-decoration:none}
.service{display:flex;flex-wrap:wrap;align-items:center;gap:.6rem .8rem;padding:.85rem 1rem}
.service .mark{inline-size:2.5rem;block-size:2.5rem;font-size:1.1rem;border-radius:.7rem;background:var(--tint);color:var(--accent)}
.service>div{flex:1;min-inline-size:7rem}
.service form{margin-inline-start:auto}
.service form button:not(.link){inline-size:auto;min-block-size:2.75rem;margin:0;padding:.5rem 1rem}
.service>.wide,.wide form{flex-basis:100%;margin-inline:0}
.service .field{display:block;padding:0;margin:0;cursor:auto;font-size:.875rem}
.service em{margin:0;white-space:nowrap}
.paste{display:flex;gap:.6rem;margin-block-start:.35rem}
.paste input:not([type=checkbox]){flex:1;min-inline-size:0;margin:0;min-block-size:2.75rem;padding:.5rem .8rem}
.service .wide details{margin:0 0 .5rem;padding:0}
.links{display:flex;flex-wrap:wrap;align-items:baseline;gap:.25rem 1.25rem}
p.links{margin-block-start:1rem}
.entry{padding:.7rem 1rem}
.entry+.entry{margin-block-start:-1px}
.entry small{display:block}
.no{background:var(--bad-bg);color:var(--bad)}
select{display:block;inline-size:100%;margin-block-start:.35rem;padding:.65rem .8rem;min-block-size:2.9rem;font:inherit;font-weight:400;color:inherit;background:var(--card);border:1px solid var(--edge);border-radius:.6rem}
`,
  /** The code of a device. */
  device: `
.usercode,input[name=user_code]{font-size:1.5rem;letter-spacing:.1em;text-align:center}
.qr{max-inline-size:14rem;background:#fff}
`,
  /** How to connect each app. */
  apps: `
.url{margin-block:1.25rem .35rem;padding:1rem;border:1px solid var(--accent)}
.url code{font-size:1rem;font-weight:600}
.list pre{padding:.65rem .8rem}
.list code{font-size:.8125rem}
.list .button{margin-block:0 1rem}
.list ol{margin-block-start:.35rem}
.list>details{border-block-end:1px solid var(--line)}
.list summary{padding-block:.85rem;justify-content:space-between;color:var(--ink);font-weight:550}
.list [open]{padding-block-end:1rem}
.list li+li{margin-block-start:.5rem}
.list+.hint{margin-block-start:1.25rem}
`,
};

export type StylePart = keyof typeof PARTS;

/** One line each: the texts whose hashes the policy names. */
const oneLine = (source: string) => source.replace(/\s*\n\s*/g, '');
export const STYLE = oneLine(COMMON);
export const STYLE_PARTS: Record<StylePart, string> = {
  lists: oneLine(PARTS.lists),
  device: oneLine(PARTS.device),
  apps: oneLine(PARTS.apps),
};
