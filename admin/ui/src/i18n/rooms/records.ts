import { records as de } from "../de/records";
import { records as en } from "../en/records";
import { room } from "../room";

export const recordsRoom = room("records", de, en);
