import { useQuery } from "@tanstack/react-query";
import { api, askTagged } from "../api/client";
import { useSession } from "../app/session";

/** The own account. */
export function useMe() {
  const { username } = useSession();
  return useQuery({
    queryKey: ["config", "users", username],
    queryFn: ({ signal }) => askTagged(api.GET("/api/users/{username}", { params: { path: { username } }, signal })),
  });
}
