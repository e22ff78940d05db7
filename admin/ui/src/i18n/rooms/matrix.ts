import { matrix as de } from "../de/matrix";
import { matrix as en } from "../en/matrix";
import { room } from "../room";

export const matrixRoom = room("matrix", de, en);
