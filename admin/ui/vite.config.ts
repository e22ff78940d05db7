import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// compressed puts a .gz beside every file that gains by it; the server sends that one to who takes it. It reads
// what has been written: until then the bundler puts its last words into the files.
function compressed(): Plugin {
  return {
    name: "compressed",
    writeBundle(options, bundle) {
      for (const name of Object.keys(bundle)) {
        const file = join(options.dir ?? "", name);
        const text = readFileSync(file);
        if (/\.(js|css|svg)$/.test(name) && text.length > 1024) writeFileSync(`${file}.gz`, gzipSync(text, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  plugins: [react(), compressed()],
  build: {
    outDir: "dist/app",
    emptyOutDir: true,
    target: "es2023",
    // Browsers that know light-dark(); for older ones it would become something that needs a colour scheme beside it.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
  server: { proxy: { "/api": { target: process.env.KOPPELFELD ?? "https://127.0.0.1:8080", secure: false } } },
});
