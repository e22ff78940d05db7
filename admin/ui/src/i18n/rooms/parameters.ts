import { parameters as de } from "../de/parameters";
import { parameters as en } from "../en/parameters";
import { room } from "../room";

export const parametersRoom = room("parameters", de, en);
