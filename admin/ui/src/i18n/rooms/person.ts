import { person as de } from "../de/person";
import { person as en } from "../en/person";
import { room } from "../room";

export const personRoom = room("person", de, en);
