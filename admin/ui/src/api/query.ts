import { QueryCache, QueryClient } from "@tanstack/react-query";
import { Problem, Unreachable } from "./problem";

/** What was read stays for a while; what the server says by itself (events) makes it be read again. */
export function newQueryClient() {
  const client: QueryClient = new QueryClient({
    // The licence has ended: the session says what is shown then.
    queryCache: new QueryCache({
      onError: (err) => {
        if (err instanceof Problem && err.is("licence") && err.status === 403) void client.invalidateQueries({ queryKey: ["session"] });
      },
    }),
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        refetchOnWindowFocus: true,
        retry: (n, err) => err instanceof Problem && err.type === Unreachable && n < 30,
        retryDelay: (n) => Math.min(1000 * 2 ** n, 10_000),
        networkMode: "always",
      },
      mutations: { networkMode: "always" },
    },
  });
  return client;
}
