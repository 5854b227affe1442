/** The look of every page: the document around it, its parts, its words, and how it is sent. */
export { ownFormsOnly, readPostedForm } from './form';
export { type Branding, Layout, Mark } from './layout';
export { logo } from './logo';
export { MessagePage } from './message';
export { CodeField, Hidden, Notice, Warning } from './parts';
export {
  answerPage,
  brandingOf,
  failAsPage,
  type PageRefusal,
  type PageResult,
  refusePage,
  showPage,
  showProblem,
  toPage,
} from './problem';
export { plain, Say, shown } from './words/sentence';
export { words } from './words/words';
