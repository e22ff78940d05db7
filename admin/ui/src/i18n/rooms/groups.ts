import { groups as de } from "../de/groups";
import { groups as en } from "../en/groups";
import { room } from "../room";

export const groupsRoom = room("groups", de, en);
