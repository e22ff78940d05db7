import { Center, Modal, Stack, Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react";
import { api, ask, onSessionLost, type Schemas } from "../api/client";
import { Problem } from "../api/problem";
import { useText } from "../i18n";
import { Failed, Loading } from "../parts/States";
import { FirstPassword } from "./FirstPassword";
import { setLeaveQuestion } from "./guard";
import { LoginForm, LoginPage } from "./Login";

export type Session = Schemas["Session"];

const Context = createContext<Session | undefined>(undefined);

/** Who is logged in; only under a SessionGate. */
export function useSession(): Session {
  const s = useContext(Context);
  if (!s) throw new Error("useSession outside of SessionGate");
  return s;
}

/** Shows the login page until there is a session. When it ends in the middle of work, asks for the password over the page, which stays as it is. */
export function SessionGate({ children }: { children: ReactNode }) {
  const t = useText();
  const client = useQueryClient();
  const session = useQuery({
    queryKey: ["session"],
    queryFn: async () => {
      try {
        return await ask(api.GET("/api/session"));
      } catch (err) {
        if (err instanceof Problem && err.status === 401) return null;
        throw err;
      }
    },
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
  });
  const [lost, setLost] = useState(false);
  const waiting = useRef<(() => void)[]>([]);
  const who = session.data ?? undefined;
  const up = !!who && !who.must_change_password;

  useEffect(() => {
    onSessionLost(
      up
        ? () =>
            new Promise<void>((resolve) => {
              waiting.current.push(resolve);
              setLost(true);
            })
        : undefined,
    );
    return () => onSessionLost(undefined);
  }, [up]);

  useEffect(() => {
    setLeaveQuestion(
      () =>
        new Promise<boolean>((resolve) => {
          modals.openConfirmModal({
            title: t.common.unsaved,
            children: <Text size="sm">{t.common.unsavedHint}</Text>,
            labels: { confirm: t.common.leave, cancel: t.common.stay },
            confirmProps: { color: "red" },
            onConfirm: () => resolve(true),
            onCancel: () => resolve(false),
            onClose: () => resolve(false),
          });
        }),
    );
    return () => setLeaveQuestion(undefined);
  }, [t]);

  const entered = (s: Session) => {
    // Another person starts afresh: what is on the page is not theirs.
    if (who && s.username !== who.username) {
      window.onbeforeunload = null;
      location.assign("/");
      return;
    }
    client.setQueryData(["session"], s);
    setLost(false);
    for (const go of waiting.current.splice(0)) go();
  };

  if (session.isPending) return <Loading />;
  if (session.isError) {
    return (
      <Center h="100vh">
        <Failed error={session.error} retry={() => void session.refetch()} />
      </Center>
    );
  }
  if (!who) return <LoginPage onEntered={entered} />;
  if (who.must_change_password) return <FirstPassword session={who} onChanged={entered} />;
  return (
    <Context.Provider value={who}>
      {children}
      <Modal
        opened={lost}
        onClose={() => {}}
        withCloseButton={false}
        closeOnEscape={false}
        closeOnClickOutside={false}
        title={t.login.title}
      >
        <Stack>
          <Text size="sm">{t.login.expired}</Text>
          <LoginForm username={who.username} onEntered={entered} />
        </Stack>
      </Modal>
    </Context.Provider>
  );
}
