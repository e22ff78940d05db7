import { MantineProvider, MantineThemeProvider } from "@mantine/core";
import { ModalsProvider } from "@mantine/modals";
import { Notifications } from "@mantine/notifications";
import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, type ReactNode, Suspense, useMemo, useState } from "react";
import { Route, Router, Switch } from "wouter";
import { newQueryClient } from "../api/query";
import { Speech, useText } from "../i18n";
import { Loading } from "../parts/States";
import { useGuardedLocation } from "./guard";
import { SessionGate } from "./session";
import { theme } from "./theme";

const Admin = lazy(() => import("../admin/Admin"));
const User = lazy(() => import("../user/User"));

const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content ?? "";
// What locks the scrolling under a window writes a style of its own, and looks for its nonce here.
Object.assign(globalThis, { __webpack_nonce__: nonce });

export function App() {
  const [client] = useState(newQueryClient);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={client}>
        <Speech>
          <Named>
            <Notifications position="bottom-right" />
            <Router hook={useGuardedLocation}>
              <SessionGate>
                <Suspense fallback={<Loading />}>
                  <Switch>
                    <Route path="/admin" nest>
                      <Admin />
                    </Route>
                    <Route>
                      <User />
                    </Route>
                  </Switch>
                </Suspense>
              </SessionGate>
            </Router>
          </Named>
        </Speech>
      </QueryClientProvider>
    </MantineProvider>
  );
}

/** What closes a window has a name in the language of the page, whoever opens it. */
function Named({ children }: { children: ReactNode }) {
  const t = useText();
  const named = useMemo(() => {
    const closes = { defaultProps: { closeButtonProps: { "aria-label": t.common.close } } };
    return { components: { Modal: closes, Notification: closes } };
  }, [t]);
  return (
    <MantineThemeProvider theme={named} inherit>
      <ModalsProvider>{children}</ModalsProvider>
    </MantineThemeProvider>
  );
}
