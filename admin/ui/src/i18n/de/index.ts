import { common } from "./common";
import { frame } from "./frame";
import { home } from "./home";
import { login } from "./login";
import { problems } from "./problems";

/** One file for each room of the pages. */
export const de = { common, frame, home, login, problems };
