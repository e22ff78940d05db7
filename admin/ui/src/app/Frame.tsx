import {
  ActionIcon,
  Alert,
  AppShell,
  Badge,
  Burger,
  Group,
  Image,
  Kbd,
  Menu,
  NavLink,
  ScrollArea,
  Text,
  UnstyledButton,
} from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, useSyncExternalStore } from "react";
import { Link, useLocation } from "wouter";
import { api, ask, reach } from "../api/client";
import { useEvents } from "../api/events";
import { useText } from "../i18n";
import { IconLogout, IconPhoneCall, IconSearch, IconSwitchHorizontal, IconUserCircle, IconWifiOff } from "../parts/icons";
import { Impersonated } from "./Impersonated";
import { NewVersion } from "./NewVersion";
import { Search } from "./Search";
import { LanguageSwitch, SchemeSwitch } from "./Switches";
import { useSession } from "./session";

export interface Place {
  title: string;
  to: string;
  icon?: ReactNode;
  /** Places under this one; a place with places below is a heading. */
  places?: Place[];
}

/** Header, menu and content, for both clients. */
export function Frame(p: { title: string; places: Place[]; admin: boolean; calls: string; children: ReactNode }) {
  const t = useText();
  const session = useSession();
  const [open, { toggle, close }] = useDisclosure();
  const [searching, search] = useDisclosure();
  const reachable = useSyncExternalStore(reach.subscribe, reach.get);
  useHotkeys([["mod+K", search.open]], []);
  useEvents(session);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 244, breakpoint: "sm", collapsed: { mobile: !open } }}
      padding={{ base: "sm", sm: "lg" }}
    >
      <a href="#content" className="kf-skip">
        {t.common.skip}
      </a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={open} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t.frame.openMenu} />
            <Image src="/icon.svg" alt="" w={28} h={28} />
            <Text fw={650} visibleFrom="xs">
              {t.common.product}
            </Text>
            <Text c="dimmed" size="sm" visibleFrom="md">
              {p.title}
            </Text>
          </Group>
          <UnstyledButton onClick={search.open} visibleFrom="sm">
            <Group
              gap="xs"
              px="sm"
              py={5}
              w={320}
              wrap="nowrap"
              justify="space-between"
              style={{ border: "1px solid var(--kf-line)", borderRadius: "var(--mantine-radius-md)" }}
            >
              <Group gap="xs" wrap="nowrap" style={{ whiteSpace: "nowrap", overflow: "hidden" }}>
                <IconSearch size={16} aria-hidden style={{ flex: "none" }} />
                <Text size="sm" c="dimmed" truncate>
                  {p.admin ? t.frame.searchHint : t.frame.searchPages}
                </Text>
              </Group>
              <Kbd size="xs" style={{ whiteSpace: "nowrap" }}>
                {t.frame.searchKeys}
              </Kbd>
            </Group>
          </UnstyledButton>
          <Group gap={4} wrap="nowrap">
            <ActionIcon hiddenFrom="sm" onClick={search.open} aria-label={t.common.search}>
              <IconSearch size={18} />
            </ActionIcon>
            <CallsBadge to={p.calls} />
            <LanguageSwitch />
            <SchemeSwitch />
            <AccountMenu admin={p.admin} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label={t.frame.menu}>
        <ScrollArea>
          {p.places.map((place) => (
            <PlaceLink key={place.to} place={place} onGo={close} />
          ))}
        </ScrollArea>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Impersonated />
        {!reachable && (
          <Alert color="orange" icon={<IconWifiOff size={18} />} mb="md" role="alert">
            {t.common.unreachable}
          </Alert>
        )}
        <NewVersion />
        {p.children}
      </AppShell.Main>
      <Search opened={searching} onClose={search.close} admin={p.admin && session.admin} places={p.places} />
    </AppShell>
  );
}

function PlaceLink({ place, onGo }: { place: Place; onGo: () => void }) {
  const [path] = useLocation();
  if (place.places) {
    return (
      <>
        <Text size="xs" fw={700} c="dimmed" px="sm" pt="md" pb={4} tt="uppercase">
          {place.title}
        </Text>
        {place.places.map((inner) => (
          <PlaceLink key={inner.to} place={inner} onGo={onGo} />
        ))}
      </>
    );
  }
  const active = place.to === "/" ? path === "/" : path === place.to || path.startsWith(`${place.to}/`);
  return (
    <NavLink
      component={Link}
      href={place.to}
      label={place.title}
      leftSection={place.icon}
      active={active}
      aria-current={active ? "page" : undefined}
      onClick={onGo}
      style={{ borderRadius: "var(--mantine-radius-md)" }}
    />
  );
}

/** How many calls there are now; read again whenever something happens. */
function CallsBadge({ to }: { to: string }) {
  const t = useText();
  const calls = useQuery({
    queryKey: ["live", "calls", "badge"],
    queryFn: () => ask(api.GET("/api/calls", { params: { query: { limit: 1000 } } })),
  });
  const n = calls.data?.items.length ?? 0;
  return (
    <Badge
      component={Link}
      href={to}
      variant={n ? "filled" : "light"}
      color={n ? undefined : "gray"}
      leftSection={<IconPhoneCall size={12} aria-hidden />}
      style={{ cursor: "pointer" }}
      aria-label={t.frame.callsNow(n)}
      title={t.frame.callsNow(n)}
    >
      {n}
    </Badge>
  );
}

function AccountMenu({ admin }: { admin: boolean }) {
  const t = useText();
  const session = useSession();
  const client = useQueryClient();
  const [, navigate] = useLocation();
  const logout = useMutation({
    mutationFn: () => ask(api.DELETE("/api/session")),
    onSuccess: () => {
      client.clear();
      location.assign(admin ? "/admin/" : "/");
    },
  });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon aria-label={`${t.frame.account}: ${session.username}`}>
          <IconUserCircle size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{session.username}</Menu.Label>
        {admin ? (
          <Menu.Item leftSection={<IconSwitchHorizontal size={16} />} onClick={() => navigate("~/")}>
            {t.frame.toUser}
          </Menu.Item>
        ) : (
          session.admin && (
            <Menu.Item leftSection={<IconSwitchHorizontal size={16} />} onClick={() => navigate("/admin")}>
              {t.frame.toAdmin}
            </Menu.Item>
          )
        )}
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => logout.mutate()}>
          {t.frame.logout}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
