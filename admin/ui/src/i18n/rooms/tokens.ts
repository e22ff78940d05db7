import { tokens as de } from "../de/tokens";
import { tokens as en } from "../en/tokens";
import { room } from "../room";

export const tokensRoom = room("tokens", de, en);
