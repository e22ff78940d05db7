import { transfer as de } from "../de/transfer";
import { transfer as en } from "../en/transfer";
import { room } from "../room";

export const transferRoom = room("transfer", de, en);
