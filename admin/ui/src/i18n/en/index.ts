import type { Texts } from "..";
import { bulk } from "./bulk";
import { common } from "./common";
import { explanation } from "./explanation";
import { forwarding } from "./forwarding";
import { frame } from "./frame";
import { groups } from "./groups";
import { home } from "./home";
import { lists } from "./lists";
import { login } from "./login";
import { matrix } from "./matrix";
import { person } from "./person";
import { problems } from "./problems";
import { record } from "./record";
import { records } from "./records";
import { system } from "./system";

export const en: Texts = {
  bulk,
  common,
  explanation,
  forwarding,
  frame,
  groups,
  home,
  lists,
  login,
  matrix,
  person,
  problems,
  record,
  records,
  system,
};
export const en: Texts = { common, explanation, frame, groups, home, lists, login, matrix, person, problems, record, records, system };
import * as rooms from "./rooms";

export const en: Texts = { ...rooms };
