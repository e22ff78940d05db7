import { me as de } from "../de/me";
import { me as en } from "../en/me";
import { room } from "../room";

export const meRoom = room("me", de, en);
