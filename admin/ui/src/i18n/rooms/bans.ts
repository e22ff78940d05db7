import { bans as de } from "../de/bans";
import { bans as en } from "../en/bans";
import { room } from "../room";

export const bansRoom = room("bans", de, en);
