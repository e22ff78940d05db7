import { useQuery } from "@tanstack/react-query";
import { Redirect, useParams } from "wouter";
import { slotQuery } from "../../parts/matrix/SlotDialog";
import { Failed, Loading } from "../../parts/States";

/** The address of a slot: leads to the page of its user, where its dialog opens. */
export default function SlotDoor() {
  const { id = "" } = useParams<{ id: string }>();
  const slot = useQuery(slotQuery(id));
  if (slot.isPending) return <Loading />;
  if (slot.isError) return <Failed error={slot.error} retry={() => void slot.refetch()} />;
  return <Redirect to={`/users/${encodeURIComponent(slot.data.body.username)}?slot=${encodeURIComponent(id)}`} replace />;
}
