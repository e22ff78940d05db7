import { useQuery } from "@tanstack/react-query";
import { Redirect, useParams } from "wouter";
import { api, ask } from "../../api/client";
import { Failed, Loading } from "../../parts/States";

/** The address of a slot: leads to the page of its user, where it is set. */
export default function SlotDoor() {
  const { id = "" } = useParams<{ id: string }>();
  const slot = useQuery({
    queryKey: ["config", "slots", id],
    queryFn: () => ask(api.GET("/api/slots/{id}", { params: { path: { id } } })),
  });
  if (slot.isPending) return <Loading />;
  if (slot.isError) return <Failed error={slot.error} retry={() => void slot.refetch()} />;
  return <Redirect to={`/users/${encodeURIComponent(slot.data.username)}?slot=${encodeURIComponent(id)}`} replace />;
}
