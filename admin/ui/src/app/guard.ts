import { useEffect, useId } from "react";
import { useBrowserLocation } from "wouter/use-browser-location";

// Pages with unsaved changes, by an id of their own. Leaving asks first.
const unsaved = new Set<string>();
let ask: (() => Promise<boolean>) | undefined;

/** Sets who asks whether to leave a page with unsaved changes. */
export function setLeaveQuestion(f: (() => Promise<boolean>) | undefined) {
  ask = f;
}

export const hasUnsaved = () => unsaved.size > 0;

/** Marks the page as one with unsaved changes while dirty holds. */
export function useUnsaved(dirty: boolean) {
  const id = useId();
  useEffect(() => {
    if (!dirty) return;
    unsaved.add(id);
    const warn = (e: BeforeUnloadEvent) => e.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => {
      unsaved.delete(id);
      window.removeEventListener("beforeunload", warn);
    };
  }, [dirty, id]);
}

type Navigate = ReturnType<typeof useBrowserLocation>[1];

/** wouter's location, with a question before unsaved changes are left behind. */
export function useGuardedLocation(): [string, Navigate] {
  const [path, navigate] = useBrowserLocation();
  const guarded: Navigate = (to, options) => {
    if (!hasUnsaved() || !ask) return navigate(to, options);
    void ask().then((leave) => {
      if (leave) {
        unsaved.clear();
        navigate(to, options);
      }
    });
  };
  return [path, guarded];
}

// The browser's own back and forward: the address has changed already when we
// hear of it, so it is put back while the question stands. This listener is
// first, because this module is loaded before the router listens.
let here = location.pathname + location.search;
for (const name of ["pushState", "replaceState"]) {
  window.addEventListener(name, () => {
    here = location.pathname + location.search;
  });
}
window.addEventListener("popstate", (e) => {
  const target = location.pathname + location.search;
  if (!hasUnsaved() || !ask || target === here) {
    here = target;
    return;
  }
  e.stopImmediatePropagation();
  history.pushState(null, "", here);
  void ask().then((leave) => {
    if (leave) {
      unsaved.clear();
      history.pushState(null, "", target);
    }
  });
});
