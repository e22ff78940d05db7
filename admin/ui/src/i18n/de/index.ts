import * as rooms from "./rooms";

/** The German texts, the master of all others, by the rooms of the pages. */
export const de = { ...rooms };
