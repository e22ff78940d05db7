import type { Schemas } from "../../api/client";

export interface Arrow {
  /** Columns that the message leaves and reaches; 0 is ourselves. */
  from: number;
  to: number;
  /** Seconds since the first message. */
  after: number;
  step: Schemas["LadderStep"];
}

export interface Drawing {
  /** Addresses of the others, in the order in which they appear. */
  peers: string[];
  arrows: Arrow[];
}

/** Puts the messages of a call into columns: ourselves first, then every address that sent or was sent something. */
export function draw(messages: Schemas["LadderStep"][]): Drawing {
  const peers: string[] = [];
  const begin = Date.parse(messages[0]?.at ?? "");
  const arrows = messages.map((step) => {
    let column = peers.indexOf(step.remote) + 1;
    if (column === 0) column = peers.push(step.remote);
    const out = step.direction === "out";
    return { from: out ? 0 : column, to: out ? column : 0, after: (Date.parse(step.at) - begin) / 1000, step };
  });
  return { peers, arrows };
}
