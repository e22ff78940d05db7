import type { Texts } from "..";
import * as rooms from "./rooms";

export const en: Texts = { ...rooms };
