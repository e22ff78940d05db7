import type { Texts } from "..";
import { common } from "./common";
import { frame } from "./frame";
import { home } from "./home";
import { login } from "./login";
import { problems } from "./problems";

export const en: Texts = { common, frame, home, login, problems };
