/** The look of every page: the document around it, its parts, its words, and how it is sent. */
export { readPageForm, requireSameOrigin } from './form';
export { type Branding, Layout, Mark } from './layout';
export { logoRoute } from './logo';
export { MessagePage } from './message';
export { CodeField, Hidden, Notice, Warning } from './parts';
export {
  brandingOf,
  PageProblem,
  type PageRefusal,
  refusePage,
  renderProblem,
  showPage,
  toPage,
} from './problem';
export { plain, Say, shown, words } from './words';
