import { licence as de } from "../de/licence";
import { licence as en } from "../en/licence";
import { room } from "../room";

export const licenceRoom = room("licence", de, en);
