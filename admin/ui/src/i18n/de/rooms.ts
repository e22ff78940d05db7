// One line and one file for each room of the pages.
export { bans } from "./bans";
export { bulk } from "./bulk";
export { common } from "./common";
export { explanation } from "./explanation";
export { forwarding } from "./forwarding";
export { frame } from "./frame";
export { groups } from "./groups";
export { home } from "./home";
export { lists } from "./lists";
export { login } from "./login";
export { matrix } from "./matrix";
export { me } from "./me";
export { person } from "./person";
export { record } from "./record";
export { records } from "./records";
export { system } from "./system";
export { tokens } from "./tokens";
