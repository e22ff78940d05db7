import { Anchor, Breadcrumbs, Group, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect } from "react";
import { Link } from "wouter";
import { useText } from "../i18n";

export interface Crumb {
  title: string;
  to: string;
}

/** A page: where it stands, its title, what can be done, and its content. */
export function Page(p: { title: string; crumbs?: Crumb[]; subtitle?: ReactNode; actions?: ReactNode; children: ReactNode }) {
  const t = useText();
  useEffect(() => {
    document.title = `${p.title} · ${t.common.product}`;
  }, [p.title, t]);
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-end" wrap="wrap">
        <Stack gap={2}>
          {p.crumbs && (
            <Breadcrumbs separator="›" fz="sm">
              {p.crumbs.map((c) => (
                <Anchor key={c.to} component={Link} href={c.to} size="sm">
                  {c.title}
                </Anchor>
              ))}
              <Text size="sm" c="dimmed" aria-current="page">
                {p.title}
              </Text>
            </Breadcrumbs>
          )}
          <Title order={1}>{p.title}</Title>
          {p.subtitle && (
            <Text size="sm" c="dimmed" component="div">
              {p.subtitle}
            </Text>
          )}
        </Stack>
        {p.actions && <Group gap="xs">{p.actions}</Group>}
      </Group>
      {p.children}
    </Stack>
  );
}
