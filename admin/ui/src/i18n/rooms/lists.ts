import { lists as de } from "../de/lists";
import { lists as en } from "../en/lists";
import { room } from "../room";

export const listsRoom = room("lists", de, en);
