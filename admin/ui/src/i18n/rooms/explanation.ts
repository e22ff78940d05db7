import { explanation as de } from "../de/explanation";
import { explanation as en } from "../en/explanation";
import { room } from "../room";

export const explanationRoom = room("explanation", de, en);
