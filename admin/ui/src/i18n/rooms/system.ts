import { system as de } from "../de/system";
import { system as en } from "../en/system";
import { room } from "../room";

export const systemRoom = room("system", de, en);
