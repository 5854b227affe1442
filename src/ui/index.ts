/** The look of every page: the document around it, its parts, its words, and how it is sent. */
export { ownFormsOnly, readPageForm, readPostedForm, requireSameOrigin } from './form';
export { type Branding, Layout, Mark } from './layout';
export { logo } from './logo';
export { MessagePage } from './message';
export { CodeField, Hidden, Notice, Warning } from './parts';
export {
  answerPage,
  brandingOf,
  failAsPage,
  PageProblem,
  type PageRefusal,
  type PageResult,
  refusePage,
  renderProblem,
  showPage,
  showProblem,
  toPage,
} from './problem';
export { plain, Say, shown, words } from './words';
