import { record as de } from "../de/record";
import { record as en } from "../en/record";
import { room } from "../room";

export const recordRoom = room("record", de, en);
