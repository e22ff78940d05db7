import { forwarding as de } from "../de/forwarding";
import { forwarding as en } from "../en/forwarding";
import { room } from "../room";

export const forwardingRoom = room("forwarding", de, en);
