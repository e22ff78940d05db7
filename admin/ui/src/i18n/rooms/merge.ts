import { merge as de } from "../de/merge";
import { merge as en } from "../en/merge";
import { room } from "../room";

export const mergeRoom = room("merge", de, en);
