/** The look of every page: the document around it, its parts, its words, and how it is sent. */
export { mustComeFromUs, readPageForm } from './form';
export { type Branding, Layout, Mark } from './layout';
export { logoRoute } from './logo';
export { MessagePage, ProblemPage } from './message';
export { CodeField, Hidden, Notice, Warning } from './parts';
export { brandingOf, PageProblem, type ProblemTag, renderProblem, showPage } from './problem';
export { type RenderOptions, renderPage } from './render';
export { plain, Say, type Sentence, shown } from './sentence';
export { words } from './words';
