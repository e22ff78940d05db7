import { useMemo } from "react";
import { encode } from "uqr";

/** A QR code, dark on light in either colour scheme, because that is what cameras read. */
export default function QR({ text, label, size = 220 }: { text: string; label: string; size?: number }) {
  const code = useMemo(() => encode(text, { ecc: "M", border: 2 }), [text]);
  const path = useMemo(() => code.data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ""))).join(""), [code]);
  return (
    <svg width={size} height={size} viewBox={`0 0 ${code.size} ${code.size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect width={code.size} height={code.size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  );
}
