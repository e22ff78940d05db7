import { Fragment, type ReactNode } from "react";

/** Names and what stands to them. Those without a value are left out. */
export function Pairs({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="kf-pairs">
      {items
        .filter(([, value]) => value !== undefined && value !== "" && value !== null)
        .map(([name, value]) => (
          <Fragment key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </Fragment>
        ))}
    </dl>
  );
}
