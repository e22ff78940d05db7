import { common } from "./common";
import { explanation } from "./explanation";
import { frame } from "./frame";
import { home } from "./home";
import { lists } from "./lists";
import { login } from "./login";
import { matrix } from "./matrix";
import { person } from "./person";
import { problems } from "./problems";
import { record } from "./record";

/** One file for each room of the pages. */
export const de = { common, explanation, frame, home, lists, login, matrix, person, problems, record };
