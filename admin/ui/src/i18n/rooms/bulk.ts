import { bulk as de } from "../de/bulk";
import { bulk as en } from "../en/bulk";
import { room } from "../room";

export const bulkRoom = room("bulk", de, en);
