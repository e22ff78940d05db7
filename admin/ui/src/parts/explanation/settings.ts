import type { Schemas } from "../../api/client";

export type Reason = Schemas["Reason"];

/** Knows where a setting of a reason is changed; undefined where there is no page for it. */
export type SettingPlace = (reason: Reason) => string | undefined;

const part = encodeURIComponent;

/**
 * The page of the admin client on which a setting is changed; what stands behind "#" is the field there. Profiles are found by the number
 * that the reason is about, since a setting does not say whose profile it is.
 */
export function adminPlace(reason: Reason): string | undefined {
  const s = reason.setting;
  if (!s) return undefined;
  const field = s.field ? `#${part(s.field)}` : "";
  switch (s.type) {
    case "matrix":
      return `/users/${part(s.id)}#matrix`;
    case "user":
      return `/users/${part(s.id)}${field}`;
    case "number":
      if (s.field === "forwarding_profile" || s.field === "schedule") return `/numbers/${part(s.id)}/forwarding${field}`;
      return `/numbers/${part(s.id)}${field}`;
    case "slot":
      return `/slots/${part(s.id)}${field}`;
    case "profile":
      return reason.number ? `/numbers/${part(reason.number)}/profiles/${part(s.id)}${field}` : undefined;
    case "hunt_group":
      return `/huntgroups/${part(s.id)}${field}`;
    case "pickup_group":
      return `/pickupgroups/${part(s.id)}${field}`;
    case "forwarding_rule":
      return `/rules/${part(s.id)}${field}`;
    case "group":
      return `/groups/${part(s.id)}${field}`;
    case "code":
      return `/codes/${part(s.id)}`;
  }
  return undefined;
}

/** Codes of reasons that are about a slot that is called; those of slots that ring among them. */
const aboutSlot = /^(slot|mobile)_/;
const ringing = new Set(["slot_rings", "slot_rings_waiting", "slot_mobile_rings", "slot_rings_already"]);

export interface SlotReasons {
  slotID: string;
  rings: boolean;
  reasons: Reason[];
}

/** What a list of reasons says about each slot, in the order in which they are named: as the API does for explanations. */
export function slotsOf(reasons: Reason[]): SlotReasons[] {
  const all = new Map<string, SlotReasons>();
  for (const r of reasons) {
    if (!r.slot_id || !aboutSlot.test(r.code)) continue;
    const slot = all.get(r.slot_id) ?? { slotID: r.slot_id, rings: false, reasons: [] };
    slot.rings ||= ringing.has(r.code);
    slot.reasons.push(r);
    all.set(r.slot_id, slot);
  }
  return [...all.values()];
}
