import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// compressed puts a .gz beside every file that gains by it; the server sends that one to who takes it.
function compressed(): Plugin {
  return {
    name: "compressed",
    generateBundle(_, bundle) {
      for (const [name, part] of Object.entries(bundle)) {
        const text = part.type === "chunk" ? part.code : part.source;
        if (/\.(js|css|svg)$/.test(name) && text.length > 1024) {
          this.emitFile({ type: "asset", fileName: `${name}.gz`, source: gzipSync(text, { level: 9 }) });
        }
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), { ...compressed(), enforce: "post" }],
  build: {
    outDir: "dist/app",
    emptyOutDir: true,
    target: "es2023",
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": { target: process.env.KOPPELFELD ?? "https://127.0.0.1:8080", secure: false } } },
});
