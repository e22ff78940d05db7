import { useEffect } from "react";
import { useLocation } from "wouter";

/** Goes to another page as soon as nothing is unsaved any more: after something was created or deleted. */
export function useLeaveTo(to: string | undefined, dirty: boolean) {
  const [, navigate] = useLocation();
  useEffect(() => {
    if (to && !dirty) navigate(to);
  }, [to, dirty, navigate]);
}
