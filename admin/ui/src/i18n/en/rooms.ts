// One line and one file for each room that the first page needs; others have theirs in ../rooms, read with their pages.
export { common } from "./common";
export { frame } from "./frame";
export { home } from "./home";
export { login } from "./login";
