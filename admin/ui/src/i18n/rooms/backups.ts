import { backups as de } from "../de/backups";
import { backups as en } from "../en/backups";
import { room } from "../room";

export const backupsRoom = room("backups", de, en);
